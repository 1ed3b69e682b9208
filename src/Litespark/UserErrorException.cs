namespace Litespark;

/// <summary>
/// The user's input is wrong. The message says what is wrong, where, and what would be right;
/// the command line prints it without a stack trace and exits with code 2.
/// </summary>
public sealed class UserErrorException : Exception
{
    /// <summary>Creates the error with its complete, user-facing message.</summary>
    public UserErrorException(string message) : base(message) { }

    /// <summary>Creates the error with its complete, user-facing message and the cause behind it.</summary>
    public UserErrorException(string message, Exception inner) : base(message, inner) { }
}

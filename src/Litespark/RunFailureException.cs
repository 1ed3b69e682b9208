namespace Litespark;

/// <summary>
/// The work cannot go on although the user's input was right: a loss that is not to be trusted, a full disk. The message
/// says what happened, what is safe, and what to do; the command line prints it alone and exits with code 1.
/// </summary>
public sealed class RunFailureException : Exception
{
    /// <summary>Creates the failure with its complete, user-facing message.</summary>
    public RunFailureException(string message) : base(message) { }

    /// <summary>Creates the failure with its complete, user-facing message and the cause behind it.</summary>
    public RunFailureException(string message, Exception inner) : base(message, inner) { }
}

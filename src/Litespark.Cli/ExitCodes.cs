namespace Litespark.Cli;

/// <summary>What the process returns.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;

    /// <summary>The user's input is wrong, the command line included.</summary>
    public const int UserError = 2;

    /// <summary>Interrupted, with the state saved.</summary>
    public const int Interrupted = 3;
}

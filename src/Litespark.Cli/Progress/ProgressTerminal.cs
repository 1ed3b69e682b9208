namespace Litespark.Cli.Progress;

/// <summary>Where progress is shown, and what that place can do.</summary>
/// <param name="Writer">Takes the text.</param>
/// <param name="IsLive">A line may be overwritten by a carriage return: a terminal, not a file, a pipe or a CI log.</param>
/// <param name="UseColor">ANSI colour codes are wanted.</param>
/// <param name="Width">Gives the columns of the terminal now; asked anew for each line.</param>
internal sealed record ProgressTerminal(TextWriter Writer, bool IsLive, bool UseColor, Func<int> Width)
{
    const int UsualWidth = 80;

    /// <summary>Standard error as it is; stdout stays free for results. NO_COLOR and TERM=dumb are respected.</summary>
    public static ProgressTerminal StandardError()
    {
        bool isLive = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";
        bool noColor = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new ProgressTerminal(Console.Error, isLive, isLive && !noColor, ConsoleWidth);
    }

    static int ConsoleWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and int width ? width : UsualWidth;
        }
        catch (Exception error) when (error is IOException or PlatformNotSupportedException)
        {
            return UsualWidth;
        }
    }
}

namespace Litespark.Cli.Progress;

/// <summary>How far something has come: a line at every tenth, for work that ends within minutes.</summary>
internal sealed class Percentage(TextWriter output, string what = "")
{
    readonly DateTime started = DateTime.UtcNow;
    int shown;

    /// <summary>Shows the share done (0 … 1) where another tenth is, and the work takes longer than a moment.</summary>
    public void Show(double fraction)
    {
        int tenths = (int)(fraction * 10);
        if (tenths <= shown || DateTime.UtcNow - started < TimeSpan.FromSeconds(2)) return;
        shown = tenths;
        output.WriteLine($"{what}{tenths * 10} %");
    }
}

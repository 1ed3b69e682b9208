using Litespark.Cli;

namespace Litespark.Tests.Cli;

public class StopSignalsTests
{
    [Fact]
    public void The_first_signal_asks_and_the_second_ends()
    {
        using var said = new StringWriter();
        int? code = null;
        using var signals = new StopSignals(said, exit => code = exit);
        CancellationToken token = signals.Token;
        Assert.False(token.IsCancellationRequested);
        signals.Receive();
        Assert.True(token.IsCancellationRequested);
        Assert.Contains("Stopping", said.ToString());
        Assert.Null(code);
        signals.Receive();
        Assert.Equal(ExitCodes.Failed, code);
    }
}

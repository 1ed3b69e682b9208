using System.Net;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy serve</c>.</summary>
internal static class EnergyServeHandler
{
    public static int Run(EnergyServeOptions options, CommandContext context)
    {
        CancellationToken stop = context.StopRequested;
        using IEnergyMeter meter = EnergyMeters.OpenMachine(new EnergyMeterOptions { Source = options.Source, Gpus = options.Gpus, TdpWatts = options.TdpWatts });
        using var server = new EnergyServer(meter, options.Address, options.Port);
        IPEndPoint at = server.EndPoint;
        context.Out.WriteLine($"Serving at {at}: {(meter.IsEstimate ? "" : meter.Source + ", ")}{meter.Explanation}");
        context.Out.WriteLine(IPAddress.IsLoopback(at.Address)
            ? $"Programs of this machine alone can read it (energy.nodes: [\"{at}\"]); --bind lets other machines do so."
            : $"A run on another machine counts it with energy.nodes: [\"{Host(at.Address)}:{at.Port}\"].");
        context.Out.Flush();
        stop.WaitHandle.WaitOne();
        (double joules, double seconds) = server.Reading;
        context.Out.WriteLine($"Served {Units.Joules(joules, meter.Source)} in {Units.Time(TimeSpan.FromSeconds(seconds))}.");
        context.Result(writer =>
        {
            writer.WriteString("address", $"{at}");
            writer.WriteString("energy_source", meter.Source);
            writer.WriteNumber("joules", joules);
            writer.WriteNumber("seconds", seconds);
        });
        return ExitCodes.Done;
    }

    static string Host(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? "THIS-MACHINE" : new IPEndPoint(address, 1).ToString()[..^2];
}

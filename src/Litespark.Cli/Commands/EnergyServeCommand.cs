using System.CommandLine;
using System.Net;
using Litespark.Energy;
using Litespark.Energy.Nodes;

namespace Litespark.Cli.Commands;

/// <summary>What <c>energy serve</c> was asked to do.</summary>
/// <param name="Port">TCP port; 0 for any that is free.</param>
/// <param name="Address">Where to listen.</param>
/// <param name="Source">A constant of <see cref="EnergySources"/>, or null for the best.</param>
/// <param name="Gpus">Which GPUs; empty for all that CUDA shows.</param>
/// <param name="TdpWatts">Power at full load, for an estimate; null = guessed.</param>
internal sealed record EnergyServeOptions(int Port, IPAddress Address, string? Source, IReadOnlyList<string> Gpus, double? TdpWatts);

/// <summary><c>energy serve</c>.</summary>
internal static class EnergyServeCommand
{
    public static Command Create(Func<EnergyServeOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("serve", "Let a run on another machine count this machine's energy too (energy.nodes), until Ctrl-C.",
            "litespark energy serve --bind 10.0.0.2",
            $"litespark train --set energy.nodes=[10.0.0.2:{NodeAddress.DefaultPort}]     on the other machine");
        Option<int> port = Options.Number("--port", "N", "TCP port; 0 = any that is free", NodeAddress.DefaultPort, value => value is >= 0 and <= 65535, "a port from 0 to 65535");
        var bind = new Option<IPAddress>("--bind")
        {
            HelpName = "ADDRESS",
            Description = "Address of this machine to listen at; 0.0.0.0 = all. Without it programs of this machine alone can read",
            DefaultValueFactory = _ => IPAddress.Loopback,
            CustomParser = result =>
            {
                if (IPAddress.TryParse(result.Tokens[0].Value, out IPAddress? address)) return address;
                result.AddError($"--bind must be an IP address, found '{result.Tokens[0].Value}'");
                return null;
            },
        };
        var source = new Option<string?>("--source") { HelpName = "SOURCE", Description = "nvml (the GPUs), rapl or hwmon (the processors), or estimate; without it the first of them that can be read" };
        source.AcceptOnlyFromAmong(EnergySources.Nvml, EnergySources.Rapl, EnergySources.Hwmon, EnergySources.Estimate);
        var gpus = new Option<string[]>("--gpu") { HelpName = "ID", Description = "A place on the bus, a UUID, or CUDA's number; may be repeated; without it all GPUs that CUDA shows (CUDA_VISIBLE_DEVICES)" };
        Option<double?> watts = Options.OptionalNumber<double>("--tdp-watts", "WATTS", "Power at full load, for an estimate", value => value > 0 && double.IsFinite(value), "a number of watts above 0");
        Option<bool> json = Options.Json();
        foreach (Option option in (Option[])[port, bind, source, gpus, watts, json]) command.Add(option);
        command.Handle(json, (result, context) => handler(
            new EnergyServeOptions(result.GetValue(port), result.GetValue(bind)!, result.GetValue(source), result.GetValue(gpus) ?? [], result.GetValue(watts)), context));
        return command;
    }
}

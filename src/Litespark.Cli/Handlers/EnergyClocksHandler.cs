using System.Runtime.InteropServices;
using Litespark.Cli.Commands;
using Litespark.Energy;
using Litespark.Energy.Clocks.Live;
using Litespark.Energy.Nvml;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy restore-clocks</c>, at once or as the watchdog of a run.</summary>
internal static class EnergyClocksHandler
{
    /// <summary>What ends a terminal's programs all at once: a watchdog outlives it, to do what it is there for.</summary>
    static readonly PosixSignal[] endings = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];

    public static int Run(EnergyClocksOptions options, CommandContext context)
    {
        var gpus = new EnergyMeterOptions { Gpus = options.Gpus };
        if (!options.Watch)
        {
            int count = NvmlClockReset.Run(gpus);
            context.Out.WriteLine($"The clocks of {count} GPU(s) are automatic.");
            context.Result(writer => writer.WriteNumber("gpus", count));
            return ExitCodes.Done;
        }

        PosixSignalRegistration[] registrations = [.. endings.Select(signal => PosixSignalRegistration.Create(signal, context => context.Cancel = true))];
        NvmlClockReset.Run(gpus); // what it will have to do must work
        ClockWatchdog.Watch(Console.In, Console.Out, () => NvmlClockReset.Run(gpus));
        GC.KeepAlive(registrations); // to the very end: a signal that came just now is still ignored
        return ExitCodes.Done;
    }

    /// <summary>Starts this program as the watchdog of this process.</summary>
    public static ClockWatchdog StartWatchdog(IReadOnlyList<string> gpus)
    {
        string program = Environment.ProcessPath ?? throw new UserErrorException("energy.clocks: this program's own file cannot be found, to start the process that restores the clocks.");
        // Run by the .NET host, the program is the host's first argument.
        bool isHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        string[] self = isHost ? [Environment.GetCommandLineArgs()[0]] : [];
        return ClockWatchdog.Start(program, [.. self, "energy", "restore-clocks", "--watch", .. gpus.SelectMany(gpu => (string[])["--gpu", gpu])]);
    }
}

using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Recipes;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy profile</c>.</summary>
internal static class EnergyProfileHandler
{
    public static int Run(EnergyProfileOptions options, CommandContext context)
    {
        LoadedRecipe recipe = options.Recipe.Load();
        EnergyJson.RequireWritable(options.Out);
        using var bench = new ProfiledMachine(recipe);
        if (bench.Warning is { } tight) context.Progress.WriteLine("warning: " + tight);
        IReadOnlyList<ClockPair> clocks = options.Grid ? ClockGrid.Of(bench.TakeControl(), options.CoreStep, options.MemoryClocks is { Length: > 0 } memory ? memory : null) : [];
        ProfilerSettings settings = ProfilerSettings.For(bench.Meter);
        if (options.WindowSeconds is { } window) settings = ProfilerSettings.Of(TimeSpan.FromSeconds(window));
        if (!bench.Meter.IsEstimate && settings.Window < bench.Meter.ShortestWindow)
            throw new UserErrorException($"--window {settings.Window.TotalSeconds}: this machine's meter ({bench.Meter.Source}) needs windows of {bench.Meter.ShortestWindow.TotalSeconds} s or more.");
        EnergyProfile profile = bench.Profiler(settings, context.Progress.WriteLine, context.StopRequested).Run(clocks);
        EnergyJson.Write(options.Out, profile);
        Print(context.Out, profile, options.Out);
        context.Result(writer => EnergyReports.Write(writer, profile, options.Out));
        return ExitCodes.Done;
    }

    static void Print(TextWriter output, EnergyProfile profile, string file)
    {
        output.WriteLine($"{profile.Subject.Model}, {profile.Subject.TokensPerStep:N0} tokens a step, on {profile.Device.Hardware}; energy: {profile.Device.EnergySource}");
        output.WriteLine();
        int[] counts = profile.CallCounts();
        var table = new TextTable("kernel", "phase", "calls", "µs", "mJ", "W", "GFLOP/J", "GB/J", "spread") { LeftColumns = 2 };
        foreach ((ProfiledKernel kernel, int calls) in profile.Kernels.Zip(counts).OrderByDescending(pair => pair.First.Automatic.Seconds * pair.Second))
        {
            Measurement at = kernel.Automatic;
            table.Add(kernel.Kernel.Name, kernel.Kernel.Phase, $"{calls}", $"{at.Seconds * 1e6:N1}", Figure(at.Joules * 1e3, "N2"), Figure(at.Watts, "N0"),
                kernel.Kernel.Flops > 0 ? Figure(kernel.FlopsPerJoule / 1e9, "N2") : "-", Figure(kernel.BytesPerJoule / 1e9, "N3"), Units.Percent(at.Spread) + (at.IsSteady ? "" : " !"));
        }

        table.Write(output);
        if (profile.Kernels.Any(kernel => !kernel.Automatic.IsSteady)) output.WriteLine("  !: no windows in a row agreed; the best there were.");
        if (profile.Steps is [var step, ..] && profile.Closure is { } closure)
        {
            string joules = profile.KernelJoules is { } sum ? $", {sum:N3} J for {step.Measured.Joules:N3} J ({closure.Joules:+0.0 %;-0.0 %})" : "";
            output.WriteLine($"  The kernels' sum: {profile.KernelSeconds * 1e3:N2} ms for a step of {step.Measured.Seconds * 1e3:N2} ms ({closure.Seconds:+0.0 %;-0.0 %}){joules}: {(closure.Closes ? "it closes" : "it does not close")} within 5 %.");
        }

        if (!profile.HasEnergy) output.WriteLine($"  Only time was measured: {profile.Device.EnergyExplanation}");
        output.WriteLine($"  {profile.Clocks.Count} pair(s) of clocks; written to {file}.");
    }

    static string Figure(double? value, string format) => value?.ToString(format) ?? "-";
}

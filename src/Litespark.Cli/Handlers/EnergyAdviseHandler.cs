using System.Text.Json;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Energy.Advice;
using Litespark.Energy.Profiles;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark energy advise</c>.</summary>
internal static class EnergyAdviseHandler
{
    public static int Run(EnergyAdviseOptions options, CommandContext context)
    {
        EnergyProfile[] profiles = [.. options.Profiles.Select(EnergyJson.ReadProfile)];
        SettingAdvice? batches = null, limits = null;
        if (profiles.Length > 1)
        {
            IReadOnlyList<AdviceOption> sizes = BatchSizes.Of(profiles);
            batches = new SettingAdvice(sizes, options.Eta, sizes.Max(size => size.Cost.Joules / size.Cost.Seconds), options.MaxSlowdown);
            context.Out.WriteLine($"{profiles[0].Subject.Model} on {profiles[0].Device.Hardware}: micro-batches (training.micro_batch_size; with training.global_batch_tokens as it is, what is learnt stays the same)");
            Print(context.Out, batches, "sequences", "µs/token", "mJ/token", 1e6, 1e3);
        }

        // Several profiles ask for batches; one with other clocks tells of power limits too.
        EnergyProfile? grid = profiles.Length == 1 ? profiles[0] : profiles.FirstOrDefault(profile => profile.Clocks.Count > 1);
        if (grid is not null)
        {
            IReadOnlyList<AdviceOption> watts = PowerLimits.Of(grid, options.Step);
            int gpus = grid.Switching?.Gpus ?? 1;
            limits = new SettingAdvice(watts, options.Eta, watts[0].Setting * gpus, options.MaxSlowdown);
            context.Out.WriteLine($"{grid.Subject.Model} on {grid.Device.Hardware}, micro-batch {grid.Subject.MicroBatch}: power limits of {(gpus == 1 ? "the GPU" : $"each of {gpus} GPUs")}, predicted from the profile");
            Print(context.Out, limits, "watts", "ms/step", "J/step", 1e3, 1);
            context.Out.WriteLine("  A limit is set by 'nvidia-smi -pl WATTS' (as root); measure it before it is kept.");
        }

        context.Result(writer =>
        {
            Write(writer, "micro_batches", batches);
            Write(writer, "power_limits", limits);
        });
        return ExitCodes.Done;
    }

    static void Print(TextWriter output, SettingAdvice advice, string setting, string time, string energy, double perSecond, double perJoule)
    {
        var table = new TextTable(setting, time, energy, "W", "cost J", "") { LeftColumns = 0 };
        foreach (AdviceOption option in advice.Options)
        {
            table.Add($"{option.Setting:0.#}", $"{option.Cost.Seconds * perSecond:G4}", $"{option.Cost.Joules * perJoule:G4}", $"{option.Cost.Joules / option.Cost.Seconds:N0}",
                $"{advice.CostOf(option):G4}", string.Join(", ", Marks(advice, option)));
        }

        table.Write(output);
    }

    static IEnumerable<string> Marks(SettingAdvice advice, AdviceOption option)
    {
        if (option == advice.LeastTime) yield return "least time";
        if (option == advice.LeastEnergy) yield return "least energy";
        if (option == advice.LeastCost) yield return $"least cost (η = {advice.Eta})";
        if (option == advice.WithinSlowdown) yield return $"least energy within {advice.MaxSlowdown} times the time";
    }

    static void Write(Utf8JsonWriter writer, string name, SettingAdvice? advice)
    {
        if (advice is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        writer.WriteNumber("eta", advice.Eta);
        writer.WriteNumber("max_watts", advice.MaxWatts);
        writer.WriteNumber("max_slowdown", advice.MaxSlowdown);
        writer.WriteNumber("least_energy", advice.LeastEnergy.Setting);
        writer.WriteNumber("least_time", advice.LeastTime.Setting);
        writer.WriteNumber("least_cost", advice.LeastCost.Setting);
        writer.WriteNumber("within_slowdown", advice.WithinSlowdown.Setting);
        writer.WriteStartArray("options");
        foreach (AdviceOption option in advice.Options)
        {
            writer.WriteStartObject();
            writer.WriteNumber("setting", option.Setting);
            writer.WriteNumber("seconds", option.Cost.Seconds);
            writer.WriteNumber("joules", option.Cost.Joules);
            writer.WriteNumber("cost", advice.CostOf(option));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}

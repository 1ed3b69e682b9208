using System.Text.Json;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Cli.Handlers;

/// <summary>The energy verbs' results as JSON.</summary>
internal static class EnergyReports
{
    /// <summary>Changes of clocks in a step, the one back to its start included.</summary>
    public static int Changes(ClockPlan plan)
    {
        int wrap = plan.Regions.Count > 1 && plan.Regions[0].Clocks != plan.Regions[^1].Clocks ? 1 : 0;
        return plan.Regions.Count - 1 + wrap;
    }

    public static void Write(Utf8JsonWriter writer, EnergyProfile profile, string file)
    {
        writer.WriteString("profile", file);
        writer.WriteString("model", profile.Subject.Model);
        writer.WriteString("hardware", profile.Device.Hardware);
        writer.WriteString("energy_source", profile.Device.EnergySource);
        writer.WriteNumber("clocks", profile.Clocks.Count);
        writer.WriteStartArray("kernels");
        foreach ((ProfiledKernel kernel, int calls) in profile.Kernels.Zip(profile.CallCounts()))
        {
            writer.WriteStartObject();
            writer.WriteString("name", kernel.Kernel.Name);
            writer.WriteString("phase", kernel.Kernel.Phase);
            writer.WriteString("shapes", kernel.Kernel.Shapes);
            writer.WriteNumber("calls", calls);
            writer.WriteNumber("seconds", kernel.Automatic.Seconds);
            Number(writer, "joules", kernel.Automatic.Joules);
            Number(writer, "watts", kernel.Automatic.Watts);
            Number(writer, "flops_per_joule", kernel.FlopsPerJoule);
            Number(writer, "bytes_per_joule", kernel.BytesPerJoule);
            writer.WriteNumber("spread", kernel.Automatic.Spread);
            writer.WriteBoolean("is_steady", kernel.Automatic.IsSteady);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("sum");
        writer.WriteNumber("seconds", profile.KernelSeconds);
        Number(writer, "joules", profile.KernelJoules);
        writer.WriteEndObject();
        writer.WriteStartObject("step");
        writer.WriteNumber("seconds", profile.Steps[0].Measured.Seconds);
        Number(writer, "joules", profile.Steps[0].Measured.Joules);
        writer.WriteEndObject();
        writer.WriteBoolean("closes", profile.Closure!.Closes);
    }

    public static void Write(Utf8JsonWriter writer, ClockPlanner planner, IReadOnlyList<ClockPlan> plans, IReadOnlyList<FrontierPoint> frontier, ClockPlan chosen, string? file)
    {
        Cost(writer, "automatic", planner.Automatic);
        writer.WriteStartArray("levels");
        foreach (ClockPlan plan in plans)
        {
            writer.WriteStartObject();
            writer.WriteString("level", plan.Level.Name());
            writer.WriteNumber("seconds", plan.Predicted.Seconds);
            writer.WriteNumber("joules", plan.Predicted.Joules);
            writer.WriteNumber("lower_bound", plan.LowerBound);
            writer.WriteNumber("changes", Changes(plan));
            if (planner.WithChanges(plan) is { } real) Cost(writer, "if_changes_wait", real);
            else writer.WriteNull("if_changes_wait");
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("frontier");
        foreach (FrontierPoint point in frontier)
        {
            writer.WriteStartObject();
            writer.WriteString("level", point.Level.Name());
            writer.WriteNumber("tau", point.Tau);
            writer.WriteNumber("seconds", point.Cost.Seconds);
            writer.WriteNumber("joules", point.Cost.Joules);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("level", chosen.Level.Name());
        if (chosen.Remeasured is { } again)
        {
            writer.WriteStartObject("remeasured");
            Cost(writer, "automatic", again.Automatic);
            Cost(writer, "planned", again.Planned);
            writer.WriteBoolean("accepted", again.Confirms(chosen));
            writer.WriteEndObject();
        }
        else
        {
            writer.WriteNull("remeasured");
        }

        writer.WriteString("plan", file);
    }

    static void Cost(Utf8JsonWriter writer, string name, StepCost cost)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("seconds", cost.Seconds);
        writer.WriteNumber("joules", cost.Joules);
        writer.WriteEndObject();
    }

    static void Number(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number) writer.WriteNumber(name, number);
        else writer.WriteNull(name);
    }
}

using System.Globalization;
using System.Text.Json;
using Litespark.Recipes.Schema;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes;

/// <summary>A point of a run: a whole number is a step, a number below 1 the share of all steps, so that a recipe fits runs of any length.</summary>
/// <param name="Value">0 or more; whole from 1 on.</param>
public readonly record struct StepOrShare(double Value)
{
    /// <summary>The step in a run of <paramref name="maxSteps"/>; a share is rounded to the nearest step.</summary>
    public int At(int maxSteps) => (int)Math.Round(Value < 1 ? Value * maxSteps : Value, MidpointRounding.AwayFromZero);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("R", CultureInfo.InvariantCulture);
}

/// <summary>A <see cref="StepOrShare"/>.</summary>
internal sealed class StepOrShareKind : ValueKind<StepOrShare>
{
    static readonly ValueKind<double> number = Kinds.Number(0, int.MaxValue);

    public override string Description => "step, or below 1 a share of training.max_steps";

    public override StepOrShare Read(RecipeNode node)
    {
        if (node is not ScalarNode { Quoted: false } scalar
            || !double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !(value is >= 0 and <= int.MaxValue))
            throw Wrong(node);
        if (value >= 1 && value != Math.Floor(value)) throw new RecipeValueException(node.Origin, $"expected a whole number of steps or a share below 1, found {scalar.Text}");
        return new StepOrShare(value);
    }

    public override string ToYaml(StepOrShare value) => number.ToYaml(value.Value);
    public override void WriteJson(Utf8JsonWriter writer, StepOrShare value) => number.WriteJson(writer, value.Value);
    public override void WriteSchema(Utf8JsonWriter writer) => number.WriteSchema(writer);
}

using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes.Schema;

/// <summary>A whole number within bounds, both included.</summary>
internal sealed class IntegerKind<T>(T minimum, T maximum) : ValueKind<T> where T : struct, IBinaryInteger<T>, IMinMaxValue<T>
{
    public override string Description => maximum == T.MaxValue ? $"integer ≥ {minimum}" : $"integer from {minimum} to {maximum}";

    public override T Read(RecipeNode node)
    {
        if (node is not ScalarNode { Quoted: false } scalar) throw Wrong(node);
        if (T.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value))
            return value < minimum || value > maximum ? throw Wrong(node) : value;

        // 1e6 and 1_000_000 are what people write next; say how, rather than "not an integer".
        bool whole = double.TryParse(scalar.Text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && number == Math.Floor(number) && Math.Abs(number) < 1e15;
        throw whole && scalar.Text != ((long)number).ToString(CultureInfo.InvariantCulture)
            ? new RecipeValueException(node.Origin, $"expected {Description}, found '{scalar.Text}'; write it in digits only: {(long)number}")
            : Wrong(node);
    }

    public override void WriteJson(Utf8JsonWriter writer, T value) => writer.WriteNumberValue(long.CreateChecked(value));

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "integer");
        writer.WriteNumber("minimum", long.CreateChecked(minimum));
        if (maximum != T.MaxValue) writer.WriteNumber("maximum", long.CreateChecked(maximum));
    }
}

/// <summary>A finite real number within bounds, both included.</summary>
internal sealed class NumberKind(double minimum, double maximum, bool aboveMinimum) : ValueKind<double>
{
    public override string Description => (aboveMinimum, double.IsInfinity(maximum)) switch
    {
        (true, true) => $"number > {Text(minimum)}",
        (true, false) => $"number > {Text(minimum)} and ≤ {Text(maximum)}",
        (false, true) => $"number ≥ {Text(minimum)}",
        (false, false) => $"number from {Text(minimum)} to {Text(maximum)}",
    };

    public override double Read(RecipeNode node)
    {
        if (node is not ScalarNode { Quoted: false } scalar) throw Wrong(node);
        if (!double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value)) throw Wrong(node);
        return value < minimum || value > maximum || (aboveMinimum && value == minimum) ? throw Wrong(node) : value;
    }

    public override string ToYaml(double value) => Text(value);
    public override void WriteJson(Utf8JsonWriter writer, double value) => writer.WriteNumberValue(value);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "number");
        writer.WriteNumber(aboveMinimum ? "exclusiveMinimum" : "minimum", minimum);
        if (!double.IsInfinity(maximum)) writer.WriteNumber("maximum", maximum);
    }

    /// <summary>The shortest text that reads back as the same number; a fraction before the exponent, as YAML 1.1 readers need (1.0e-05).</summary>
    static string Text(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        int exponent = text.IndexOf('e');
        return exponent < 0 || text.Contains('.') ? text : text.Insert(exponent, ".0");
    }
}

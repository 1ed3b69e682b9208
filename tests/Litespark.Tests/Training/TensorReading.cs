using Litespark.Planning;

namespace Litespark.Tests.Training;

/// <summary>Reading whole stores, and comparing tensors.</summary>
static class TensorReading
{
    public static Dictionary<string, float[]> ReadAll(this ITensorStore store) => store.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
    {
        var values = new float[tensor.Length];
        store.Read(tensor.Name, values);
        return values;
    });

    /// <summary>Equal within a tolerance relative to each tensor's largest element.</summary>
    public static void AssertClose(IReadOnlyDictionary<string, float[]> expected, IReadOnlyDictionary<string, float[]> actual, double tolerance)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, float[] values) in expected)
        {
            double scale = values.Max(MathF.Abs);
            Assert.True(scale > 0, $"{name} is zero");
            for (int i = 0; i < values.Length; i++)
                Assert.True(Math.Abs(values[i] - actual[name][i]) <= tolerance * scale, $"{name}[{i}]: {values[i]} and {actual[name][i]}, the largest is {scale}");
        }
    }
}

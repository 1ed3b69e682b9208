using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Planning.Passes;
using Litespark.Tests.Graphs;

namespace Litespark.Tests.Planning;

/// <summary>Passes and memory plans of random graphs: values, gradients, memory.</summary>
public sealed class RandomGraphTests : IDisposable
{
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [InlineData(0, 40)]
    [InlineData(1, 40)]
    [InlineData(2, 40)]
    public void Random_graphs_keep_their_values_and_gradients(int first, int count)
    {
        for (int i = 0; i < count; i++)
        {
            int seed = 3 * i + first;
            Value Build(GraphCase g) => new RandomGraphs(g, seed).Build(3 + seed % 12);
            try
            {
                GradientCheck.Run(device, Build, samples: 2);
                GradientCheck.Run(device, Build, Fuse, Finish, samples: 2);
            }
            catch (Xunit.Sdk.XunitException error)
            {
                var plain = new GraphCase(1);
                new RandomGraphs(plain, seed).Build(3 + seed % 12);
                Assert.Fail($"graph {seed}: {error.Message}\n{plain.Builder.Graph}");
            }
        }
    }

    static void Fuse(Graph graph)
    {
        FusedMlp.Run(graph);
        FusedQkv.Run(graph);
        FusedNorm.Run(graph);
    }

    static void Finish(Graph graph) => AccumulateInto.Run(graph);
}

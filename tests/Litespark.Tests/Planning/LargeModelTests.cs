using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Models;

namespace Litespark.Tests.Planning;

/// <summary>Models and batches that nothing here could hold: they are planned all the same.</summary>
public class LargeModelTests
{
    /// <summary>More parameters than one view of 16 columns has elements.</summary>
    [Fact]
    public void Every_weight_is_clipped_and_updated_once()
    {
        TransformerSpec spec = SampleSpecs.TinyLlama with
        {
            HiddenSize = 16384, IntermediateSize = 65536, NumHiddenLayers = 9, NumAttentionHeads = 128, NumKeyValueHeads = 128, HeadDim = 128,
        };
        spec.Validate("test");
        StepProgram fused = Plan(spec, PlanOptions.Litespark), single = Plan(spec, PlanOptions.Litespark.With("fused_optimizer", false));
        Assert.True(fused.Parameters.Count > 16L * int.MaxValue);
        Assert.Equal(MemoryForecast.Of(single), MemoryForecast.Of(fused));
        Assert.Equal(fused.Parameters.Count, Elements(fused, ProgramBuilder.Clip, "sum_of_squares"));
        Assert.Equal(fused.Parameters.Count, Elements(fused, ProgramBuilder.Update, "adamw"));
        Assert.Equal((2, 3), (fused.Plans[ProgramBuilder.Clip].Calls.Count - 1, fused.Plans[ProgramBuilder.Update].Calls.Count));
    }

    [Fact]
    public void One_view_holds_what_it_can_count()
    {
        StepProgram program = Plan(SampleSpecs.TinyLlama, PlanOptions.Litespark);
        Assert.Single(program.Plans[ProgramBuilder.Clip].Calls, call => call.Op.Name == "sum_of_squares");
        Assert.Equal(2, program.Plans[ProgramBuilder.Update].Calls.Count); // With weight decay and without.
    }

    /// <summary>The loss takes more tokens at a time where there would be too many parts of a micro-batch; else as many as ever.</summary>
    [Theory]
    [InlineData(2_000_000, 1000, 1024)]
    [InlineData(2, 1024, 4)]
    public void A_huge_micro_batch_has_a_plan_of_bounded_length(int sequences, int length, int chunks)
    {
        StepProgram program = Plan(SampleSpecs.TinyLlama with { VocabSize = 4096, MaxPositionEmbeddings = length }, PlanOptions.Litespark, sequences, length);
        Assert.Equal(chunks, program.Plans[ProgramBuilder.FirstMicroBatch].Calls.Count(call => call.Op is CrossEntropyWithGradient));
    }

    static StepProgram Plan(TransformerSpec spec, PlanOptions options, int sequences = 1, int length = 16)
        => ProgramBuilder.Training(Transformer.Function(spec), options, new OptimizerSettings(), sequences, length);

    static long Elements(StepProgram program, string plan, string op)
        => program.Plans[plan].Calls.Where(call => call.Op.Name == op).Sum(call => (long)call.Inputs[0].Rows * call.Inputs[0].Columns);
}

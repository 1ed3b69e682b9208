using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Tests.Planning;

/// <summary>Plans for a device that computes in bfloat16: what is rounded, and what stays float32.</summary>
public class MixedPrecisionTests
{
    static readonly DeviceProfile Device = new() { Name = "bf16", Precision = DataType.BFloat16, PaddingElements = 128 };

    public static TheoryData<string, bool, bool> Cases()
    {
        var cases = new TheoryData<string, bool, bool>();
        foreach (string preset in (string[])["llama-1m", "gpt2-124m", "llama-3.2-1b"])
            foreach (bool fused in (bool[])[false, true])
                foreach (bool muon in (bool[])[false, true]) cases.Add(preset, fused, muon);
        return cases;
    }

    static StepProgram Build(string preset, bool fused, bool muon)
    {
        TransformerSpec spec = ModelPresets.Get(preset) with { NumHiddenLayers = 2, VocabSize = 311 };
        return ProgramBuilder.Training(Transformer.Function(spec), fused ? PlanOptions.Litespark : PlanOptions.Baseline, new OptimizerSettings { UseMuon = muon }, 2, 24, device: Device);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_gradient_of_a_parameter_is_float32_and_every_weight_has_a_master(string preset, bool fused, bool muon)
    {
        StepProgram program = Build(preset, fused, muon);
        foreach (StoredParameter parameter in program.Parameters.Stored)
        {
            Assert.Equal(DataType.BFloat16, parameter.Weight.Type.DataType);
            Assert.Equal(new TensorType(parameter.Weight.Type.Shape), parameter.Master!.Type);
            Assert.Equal(new TensorType(parameter.Weight.Type.Shape), parameter.Gradient!.Type);
            Assert.Equal(new TensorType(parameter.Weight.Type.Shape), parameter.FirstMoment!.Type);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Operands_of_a_product_agree_and_losses_and_statistics_are_float32(string preset, bool fused, bool muon)
    {
        StepProgram program = Build(preset, fused, muon);
        int products = 0;
        foreach (KernelCall call in program.Plans.Values.SelectMany(plan => plan.Calls))
        {
            DataType Type(Operand operand) => operand.Value.Type.DataType;
            switch (call.Op)
            {
                case MatMul:
                    products++;
                    Assert.Equal(Type(call.Inputs[0]), Type(call.Inputs[1]));
                    foreach (Operand addend in call.Inputs.Skip(call.Node.OperandCount)) Assert.Equal(Type(call.Outputs[0]), Type(addend));
                    break;
                case Add or Multiply or Attention:
                    Assert.Equal(Type(call.Inputs[0]), Type(call.Inputs[1]));
                    break;
                case CrossEntropy or CrossEntropyWithGradient:
                    Assert.Equal(DataType.Float32, Type(call.Outputs[0]));
                    Assert.Equal(DataType.BFloat16, Type(call.Inputs[0]));
                    break;
                case RmsNorm or LayerNorm:
                    Assert.Equal([DataType.BFloat16, DataType.Float32], [Type(call.Outputs[0]), Type(call.Outputs[1])]);
                    break;
                case AdamW { HasCopy: var copied }:
                    Assert.True(copied);
                    Assert.Equal([DataType.Float32, DataType.BFloat16], [Type(call.Inputs[0]), Type(call.Inputs[6])]);
                    break;
                case Cast:
                    Assert.Fail($"{call.Node}: nothing in a shipped model needs a conversion of its own");
                    break;
            }
        }

        Assert.True(products > 0);
    }

    /// <summary>One call walks through lists of all element types side by side: the same element must have the same index in each.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Lists_of_the_same_parameters_run_in_step(string preset, bool fused, bool muon)
    {
        StepProgram program = Build(preset, fused, muon);
        foreach (KernelCall call in program.Plans[ProgramBuilder.Update].Calls.Where(call => call.Op is AdamW))
        {
            long Elements(Operand operand) => (long)operand.Rows * operand.Columns;
            foreach (int index in (int[])[1, 2, 3, 6]) Assert.Equal(Elements(call.Inputs[0]), Elements(call.Inputs[index]));
        }

        foreach (bool decays in (bool[])[false, true])
        {
            StoredParameter[] group = [.. program.Parameters.Stored.Where(parameter => !parameter.UsesMuon && parameter.Decays == decays).OrderBy(parameter => parameter.Weight.Offset)];
            foreach (StoredParameter parameter in group)
            {
                long index = (parameter.Weight.Offset - group[0].Weight.Offset) / 2;
                Assert.Equal(index, (parameter.Master!.Offset - group[0].Master!.Offset) / 4);
                Assert.Equal(index, (parameter.Gradient!.Offset - group[0].Gradient!.Offset) / 4);
                Assert.Equal(index, (parameter.SecondMoment!.Offset - group[0].SecondMoment!.Offset) / 4);
                Assert.Equal(0, parameter.Weight.Offset % 256);
            }
        }
    }

    [Fact]
    public void Generation_keeps_its_cache_in_bfloat16_and_gives_float32_logits()
    {
        TransformerSpec spec = ModelPresets.Get("llama-1m");
        StepProgram program = ProgramBuilder.Generation(Transformer.Function(spec), PlanOptions.Litespark, [1, 8], 32, Device);
        Assert.Equal(DataType.Float32, program.Layout["logits"].Type.DataType);
        Assert.Equal(DataType.BFloat16, program.Layout["cache/0/k"].Type.DataType);
        Assert.All(program.Parameters.Stored, parameter => Assert.Null(parameter.Master));
    }

    [Fact]
    public void A_float32_device_has_no_masters_and_no_conversions()
    {
        TransformerSpec spec = ModelPresets.Get("llama-1m");
        StepProgram program = ProgramBuilder.Training(Transformer.Function(spec), PlanOptions.Litespark, new OptimizerSettings(), 1, 16);
        Assert.All(program.Parameters.Stored, parameter => Assert.Null(parameter.Master));
        Assert.DoesNotContain(program.Plans.Values.SelectMany(plan => plan.Calls), call => call.Op is Cast);
    }
}

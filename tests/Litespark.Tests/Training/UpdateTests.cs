using Litespark.Data;
using Litespark.Devices.Cpu;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Tests.Planning;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>What one update does to the weights, against a double-precision reference.</summary>
public sealed class UpdateTests : IDisposable
{
    const double LearningRate = 0.02, Decay = 0.1, Momentum = 0.9;
    readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    [Theory]
    [InlineData("llama", true)]
    [InlineData("llama", false)]
    [InlineData("gpt2", true)]
    [InlineData("gpt2", false)]
    public void Weight_decay_shrinks_matrices_and_embeddings_and_leaves_vectors_alone(string model, bool fused)
    {
        var settings = new OptimizerSettings { WeightDecay = Decay };
        using ILoadedProgram program = Load(ToyModels.Spec(model), settings, fused);
        Dictionary<string, float[]> before = ParameterStore.Weights(program).ReadAll();
        var step = new TrainingStep(program, settings);
        step.RunClip(); // No gradients were computed: they are zero.
        step.RunUpdate(1, LearningRate, 0);
        foreach (TensorInfo tensor in ParameterStore.Weights(program).Tensors)
        {
            float[] after = ParameterStore.Weights(program).ReadAll()[tensor.Name];
            double factor = tensor.Shape.Count >= 2 ? 1 - LearningRate * Decay : 1;
            for (int i = 0; i < after.Length; i++) Assert.Equal(before[tensor.Name][i] * factor, after[i], 1e-7);
        }
    }

    [Theory]
    [InlineData("llama-tied-gqa", true)]
    [InlineData("llama-tied-gqa", false)]
    [InlineData("qwen3", true)]
    [InlineData("gpt2", true)]
    public void Muon_updates_hidden_matrices_as_its_paper_says(string model, bool fused)
    {
        TransformerSpec spec = ToyModels.Spec(model);
        var settings = new OptimizerSettings { UseMuon = true, MuonMomentum = Momentum, WeightDecay = Decay, GradientClip = 0.5 };
        using ILoadedProgram program = Load(spec, settings, fused);
        var step = new TrainingStep(program, settings);
        Dictionary<string, double[]> momenta = [];
        int checkedMatrices = 0;
        for (int t = 1; t <= 2; t++)
        {
            using MicroBatch batch = ToyModels.Batch(3, 17, spec.VocabSize, seed: t);
            step.RunGradients([batch], batch.CountTargets());
            double clip = Math.Min(1, settings.GradientClip / (step.RunClip() + 1e-6));
            Assert.True(clip < 1, "the gradient is to be clipped");
            Dictionary<string, float[]> before = ParameterStore.Weights(program).ReadAll(), gradients = ParameterStore.Gradients(program).ReadAll();
            step.RunUpdate(t, 1e-3, LearningRate);
            Dictionary<string, float[]> after = ParameterStore.Weights(program).ReadAll();
            foreach (TensorInfo tensor in ParameterStore.Weights(program).Tensors.Where(tensor => tensor.Shape.Count == 2 && settings.IsHiddenMatrix(tensor.Name)))
            {
                int rows = tensor.Shape[0], columns = tensor.Shape[1];
                double[] gradient = [.. gradients["grad." + tensor.Name].Select(value => value * clip)];
                double[] momentum = momenta.GetValueOrDefault(tensor.Name, new double[gradient.Length]);
                for (int i = 0; i < momentum.Length; i++) momentum[i] = Momentum * momentum[i] + gradient[i];
                momenta[tensor.Name] = momentum;
                double[] nesterov = [.. gradient.Zip(momentum, (g, m) => g + Momentum * m)];
                int parts = settings.FusedColumns(tensor.Name), width = columns / parts;
                double ratio = settings.IsInputFirst(tensor.Name) ? (double)width / rows : (double)rows / width, scale = LearningRate * Math.Sqrt(Math.Max(1, ratio));
                for (int part = 0; part < parts; part++)
                {
                    int[] cells = [.. Enumerable.Range(0, rows * width).Select(i => i / width * columns + part * width + i % width)];
                    double[] direction = Orthogonalize([.. cells.Select(cell => nesterov[cell])], rows, width, settings.MuonIterations);
                    double largest = direction.Max(Math.Abs) * scale;
                    for (int i = 0; i < cells.Length; i++)
                        Assert.Equal(before[tensor.Name][cells[i]] * (1 - LearningRate * Decay) - scale * direction[i], after[tensor.Name][cells[i]], 1e-4 * largest);
                }

                checkedMatrices++;
            }
        }

        Assert.Equal(2 * 2 * (model == "gpt2" ? 4 : 7), checkedMatrices); // Steps, layers, matrices of a layer.
    }

    /// <summary>Embeddings, the head and vectors are AdamW's: they have a second moment.</summary>
    [Fact]
    public void Under_Muon_the_rest_keeps_AdamWs_moments()
    {
        var settings = new OptimizerSettings { UseMuon = true };
        using ILoadedProgram program = Load(ToyModels.Spec("llama"), settings, fused: true);
        string[] state = [.. ParameterStore.OptimizerState(program).Tensors.Select(tensor => tensor.Name)];
        Assert.Contains("optimizer.v.model.embed_tokens.weight", state);
        Assert.Contains("optimizer.v.lm_head.weight", state);
        Assert.Contains("optimizer.v.model.layers.0.input_layernorm.weight", state);
        Assert.Contains("optimizer.m.model.layers.0.mlp.up_proj.weight", state);
        Assert.DoesNotContain("optimizer.v.model.layers.0.mlp.up_proj.weight", state);
    }

    ILoadedProgram Load(TransformerSpec spec, OptimizerSettings settings, bool fused)
    {
        ILoadedProgram program = device.Load(ProgramBuilder.Training(Transformer.Function(spec), fused ? PlanOptions.Litespark : PlanOptions.Baseline, settings, 3, 17));
        ParameterStore.Initialize(program, 5);
        return program;
    }

    /// <summary>X ← aX + b(XXᵀ)X + c(XXᵀ)²X from X = G / ‖G‖, on the matrix as it stands (Jordan et al. 2024).</summary>
    static double[] Orthogonalize(double[] gradient, int rows, int columns, int iterations)
    {
        double norm = Math.Sqrt(gradient.Sum(value => value * value)) + 1e-7;
        double[] x = [.. gradient.Select(value => value / norm)];
        for (int i = 0; i < iterations; i++)
        {
            double[] gram = Multiply(x, Transpose(x, rows, columns), rows, columns, rows);
            double[] first = Multiply(gram, x, rows, rows, columns), second = Multiply(gram, first, rows, rows, columns);
            for (int j = 0; j < x.Length; j++) x[j] = 3.4445 * x[j] - 4.7750 * first[j] + 2.0315 * second[j];
        }

        return x;
    }

    static double[] Multiply(double[] a, double[] b, int rows, int inner, int columns)
    {
        var product = new double[rows * columns];
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < inner; k++)
                for (int j = 0; j < columns; j++) product[i * columns + j] += a[i * inner + k] * b[k * columns + j];
        return product;
    }

    static double[] Transpose(double[] a, int rows, int columns)
    {
        var result = new double[a.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) result[j * rows + i] = a[i * columns + j];
        return result;
    }
}

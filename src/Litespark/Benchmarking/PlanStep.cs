using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Energy.Profiles;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarking;

/// <summary>A recipe's step on random tokens, its kernels to be run one by one.</summary>
internal sealed class PlanStep : IProfiledStep, IDisposable
{
    readonly IDevice device;
    readonly OptimizerSection optimizer;
    readonly ILoadedProgram program;
    readonly DataPipeline data;
    readonly BatchLoader loader;
    readonly TrainingStep step;
    readonly LiveWork? live;
    readonly List<(StepPlan Plan, int Call)> firstCalls = [];
    long steps;

    /// <summary>Loads the recipe's own plan with its initial weights.</summary>
    /// <exception cref="UserErrorException">The recipe's model is impossible, or the step does not fit into memory.</exception>
    public PlanStep(LoadedRecipe recipe, IDevice device)
    {
        this.device = device;
        var workload = BenchmarkWorkload.Of(recipe, device);
        TrainingSection training = recipe.Recipe.Training;
        optimizer = recipe.Recipe.Optimizer;
        data = DataPipeline.Synthetic(workload.Spec.VocabSize, training.Seed, recipe.Recipe.Data);
        StepProgram plans = workload.Build(RecipeSettings.Plan(recipe.Recipe.Engine), masked: false);
        Warning = MemoryGuard.Check(device, recipe.Recipe, MemoryForecast.Of(plans), "The step needs");
        program = device.Load(plans);
        ParameterStore.Initialize(program, training.Seed);
        live = SparseStart.Apply(program, workload.Spec, recipe.Recipe, device.Profile);
        step = new TrainingStep(program, workload.Optimizer);
        loader = data.CreateLoader(training.SequenceLength, training.MicroBatchSize, training.GradientAccumulationSteps);
        Subject = new ProfileSubject(
            RecipePlan.ModelName(recipe, workload.Spec), training.MicroBatchSize, training.SequenceLength, training.GradientAccumulationSteps * training.MicroBatchTokens,
            RecipeWriter.ToYaml(recipe.Recipe, commented: false));
        (Kernels, Parts) = Sort(training.GradientAccumulationSteps);
    }

    /// <summary>Said where memory is tight; null where it is not.</summary>
    public string? Warning { get; }

    /// <inheritdoc/>
    public ProfileSubject Subject { get; }

    /// <inheritdoc/>
    public string Device => device.Name;

    /// <inheritdoc/>
    public string Hardware => device.HardwareName;

    /// <inheritdoc/>
    public IReadOnlyList<KernelInfo> Kernels { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ProfiledPart> Parts { get; }

    /// <summary>Runs a step, then the calls before the kernel's first one: the transient arena then holds what it holds there.</summary>
    /// <inheritdoc/>
    public void Prepare(int kernel)
    {
        RunSteps(1);
        (StepPlan plan, int last) = firstCalls[kernel];
        for (int call = 0; call < last; call++) program.Repeat(plan, call, 1);
    }

    /// <inheritdoc/>
    public void Run(int kernel, int times) => program.Repeat(firstCalls[kernel].Plan, firstCalls[kernel].Call, times);

    /// <inheritdoc/>
    public void RunSteps(int times)
    {
        for (int i = 0; i < times; i++)
        {
            StepBatch batch = loader.Next();
            step.Run(batch.MicroBatches, batch.TargetCount, ++steps, optimizer.LearningRate, optimizer.MuonLearningRate);
        }

        program.Finish();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        loader.Dispose();
        program.Dispose();
        data.Dispose();
    }

    /// <summary>The plans' calls as different kernels: those of one op, phase and operands are the same one.</summary>
    (List<KernelInfo> Kernels, List<ProfiledPart> Parts) Sort(int microBatches)
    {
        var kernels = new List<KernelInfo>();
        var numbers = new Dictionary<KernelInfo, int>();
        var parts = new List<ProfiledPart>();
        foreach ((StepPlan plan, int times) in StepWork.Of(program.Program, microBatches))
        {
            var calls = new int[plan.Calls.Count];
            for (int i = 0; i < calls.Length; i++)
            {
                KernelInfo info = Info(plan.Calls[i]);
                if (!numbers.TryGetValue(info, out calls[i]))
                {
                    numbers[info] = calls[i] = kernels.Count;
                    kernels.Add(info);
                    firstCalls.Add((plan, i));
                }
            }

            parts.Add(new ProfiledPart(plan.Name, times, calls));
        }

        return (kernels, parts);
    }

    KernelInfo Info(KernelCall call)
        => new(call.Op.Name, call.Phase.ToString().ToLowerInvariant(), $"{Shapes(call.Inputs)} → {Shapes(call.Outputs)}", live?.Flops(call) ?? call.Cost.Flops, call.Cost.Bytes);

    static string Shapes(IReadOnlyList<Operand> operands) => string.Join(", ", operands.Select(operand =>
        $"{operand.Rows}×{operand.Columns}{(operand.IsContiguous ? "" : $" of {operand.Stride}")} {operand.Value.Type.DataType.ToString().ToLowerInvariant()}"));
}

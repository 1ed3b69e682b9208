using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Reporting;

namespace Litespark.Training.Sparsity;

/// <summary>Sparse training of a loaded program: carries out, between steps, what the controller decides, and knows what a step costs meanwhile.</summary>
internal sealed class SparseTraining
{
    readonly SparsityController controller;
    readonly LoadedTopology topology;
    readonly StepProgram program;
    readonly int microBatches;
    readonly GrownMoment grownMoment;
    readonly DeviceProfile device;
    readonly PrecisionWork[][] work = new PrecisionWork[2][];
    bool hasDenseGradients;

    SparseTraining(TrainingSetup setup, ILoadedProgram loaded, DeviceProfile device, int microBatches)
    {
        this.microBatches = microBatches;
        program = loaded.Program;
        this.device = device;
        Recipe recipe = setup.Recipe;
        controller = new SparsityController(recipe.Sparsity, recipe.Training.MaxSteps, checked((int)recipe.Training.Seed), Weights(setup.Spec, recipe.Sparsity, device));
        grownMoment = recipe.Sparsity.GrownSecondMoment;
        topology = new LoadedTopology(loaded);
    }

    /// <summary>Share of live weights among those that may die.</summary>
    public double Density => controller.Density;

    /// <summary>What a recipe's plans have to know of sparse weights; null where all are dense.</summary>
    public static SparsitySettings? Settings(TransformerSpec spec, SparsitySection section, DeviceProfile device)
    {
        bool attention = HybridAttention.IsWanted(section);
        if (section.Method == SparsityMethod.None) return attention ? new SparsitySettings { SparseAttention = true } : null;
        HashSet<string> names = [.. Weights(spec, section, device).Select(weight => weight.Name)];
        (int rows, int columns) = Block(section, device);
        return new SparsitySettings { BlockRows = rows, BlockColumns = columns, IsSparse = names.Contains, SparseAttention = attention };
    }

    /// <summary>Sparse training of a run from its first step or from a checkpoint's; null for a dense run.</summary>
    /// <exception cref="UserErrorException">The checkpoint's masks do not fit.</exception>
    public static SparseTraining? Open(TrainingSetup setup, ILoadedProgram loaded, DeviceProfile device, int microBatches, RunState? state, string? path)
    {
        SparsityMethod method = setup.Recipe.Sparsity.Method;
        if (method == SparsityMethod.None && state?.Sparsity is not null)
            throw new UserErrorException($"{path}: its weights are sparse, and sparsity.method is none: dead blocks would grow again. Resume with the method that it was begun with; for a dense run from these weights start a new one with model.path: {path}.");
        if (method is not SparsityMethod.None and not SparsityMethod.Mst && state is { Sparsity: null })
            throw new UserErrorException($"{path}: it is dense, and sparsity.method: {method.ToString().ToLowerInvariant()} begins with random masks, which would delete most of its weights. Resume with sparsity.method: none (or mst, which prunes step by step).");
        if (method == SparsityMethod.None) return null;
        var training = new SparseTraining(setup, loaded, device, microBatches);
        if (state?.Sparsity is { } saved) training.controller.Restore(saved, path!);
        training.WriteTopology();
        training.topology.ZeroDeadBlocks();
        return training;
    }

    /// <summary>The state, for a checkpoint.</summary>
    public System.Text.Json.Nodes.JsonObject ToJson() => controller.ToJson();

    /// <summary>What a step is.</summary>
    public SparseStep Plan(long step) => controller.Next(checked((int)step));

    /// <summary>Before a step's gradients: whether they are dense, and what the step will cost.</summary>
    public SparseStep Begin(long step, StepMeter meter)
    {
        SparseStep plan = Plan(step);
        if (plan.NeedsGradients != hasDenseGradients) topology.SetDenseGradients(hasDenseGradients = plan.NeedsGradients);
        meter.SetWork(work[hasDenseGradients ? 1 : 0]);
        (meter.Density, meter.MaskChurn) = (plan.Density, null);
        return plan;
    }

    /// <summary>After a step's update: new masks where it is a topology step.</summary>
    /// <param name="plan">What <see cref="Begin"/> gave.</param>
    /// <param name="loss">The step's loss; null where its update was left out: then a change of topology waits for the next step.</param>
    /// <param name="meter">Told of the change.</param>
    public TopologyMetrics? End(in SparseStep plan, double? loss, StepMeter meter)
    {
        if (loss is not { } trusted)
        {
            if (plan.IsTopologyStep) controller.Postpone();
            return null;
        }

        controller.Observe(plan.Step, trusted);
        if (!plan.IsTopologyStep) return null;
        topology.ComputeNorms();
        TopologyChange change = controller.Update(plan.Step, name => topology.WeightNorms(name), name => topology.GradientNorms(name));
        if (change.Changed.Count > 0 || hasDenseGradients) WriteTopology();
        // Of gradients that were dense, dead blocks hold something too.
        topology.ZeroDeadBlocks();
        topology.ResetSecondMoments(grownMoment);
        meter.MaskChurn = change.Churn;
        return new TopologyMetrics
        {
            Step = plan.Step,
            Phase = PhaseName(plan.Phase),
            Density = controller.Density,
            Churn = change.Churn,
            Layers = [.. controller.Masks.Values.Select(mask => (mask.Weight.Name, (double)mask.LiveElements / mask.Weight.Elements))],
        };
    }

    /// <summary>The weights that a recipe covers.</summary>
    public static IReadOnlyList<SparseWeight> Weights(TransformerSpec spec, SparsitySection section, DeviceProfile device)
    {
        (int rows, int columns) = Block(section, device);
        return SparseWeights.Of(spec, section, rows, columns);
    }

    static (int Rows, int Columns) Block(SparsitySection section, DeviceProfile device)
        => (section.BlockRows > 0 ? section.BlockRows : device.SparseBlock, section.BlockColumns > 0 ? section.BlockColumns : device.SparseBlock);

    void WriteTopology()
    {
        topology.Set(controller.Masks.Values);
        topology.Apply(hasDenseGradients = false);
        for (int dense = 0; dense < 2; dense++) work[dense] = StepWork.ByPrecision(program, microBatches, topology.Work(device, dense == 1));
    }

    static string PhaseName(SparsityPhase phase) => phase switch
    {
        SparsityPhase.DenseStart => "dense_start",
        SparsityPhase.WarmUp => "warm_up",
        SparsityPhase.UltraSparse => "ultra_sparse",
        SparsityPhase.Restoration => "restoration",
        _ => "dense_end",
    };
}

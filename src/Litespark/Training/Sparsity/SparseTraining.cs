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
        topology = new LoadedTopology(loaded);
    }

    /// <summary>Share of live weights among those that may die.</summary>
    public double Density => controller.Density;

    /// <summary>What a recipe's plans have to know of sparse weights; null where all are dense.</summary>
    public static SparsitySettings? Settings(TransformerSpec spec, SparsitySection section, DeviceProfile device)
    {
        if (section.Method == SparsityMethod.None) return null;
        HashSet<string> names = [.. Weights(spec, section, device).Select(weight => weight.Name)];
        (int rows, int columns) = Block(section, device);
        return new SparsitySettings { BlockRows = rows, BlockColumns = columns, IsSparse = names.Contains };
    }

    /// <summary>Sparse training of a run from its first step or from a checkpoint's; null for a dense run.</summary>
    /// <exception cref="UserErrorException">The checkpoint's masks do not fit.</exception>
    public static SparseTraining? Open(TrainingSetup setup, ILoadedProgram loaded, DeviceProfile device, int microBatches, RunState? state, string? path)
    {
        if (setup.Recipe.Sparsity.Method == SparsityMethod.None) return null;
        var training = new SparseTraining(setup, loaded, device, microBatches);
        if (state?.Sparsity is { } saved) training.controller.Restore(saved, path!);
        training.WriteTopology();
        training.topology.ZeroDeadBlocks();
        return training;
    }

    /// <summary>The state, for a checkpoint.</summary>
    public System.Text.Json.Nodes.JsonObject ToJson() => controller.ToJson();

    /// <summary>Before a step's gradients: whether they are dense, and what the step will cost.</summary>
    public SparseStep Begin(long step, StepMeter meter)
    {
        SparseStep plan = controller.Next(checked((int)step));
        if (plan.NeedsGradients != hasDenseGradients) topology.SetDenseGradients(hasDenseGradients = plan.NeedsGradients);
        meter.SetWork(work[hasDenseGradients ? 1 : 0]);
        (meter.Density, meter.MaskChurn) = (plan.Density, null);
        return plan;
    }

    /// <summary>After a step's update: new masks where it is a topology step.</summary>
    public TopologyMetrics? End(in SparseStep plan, double loss, StepMeter meter)
    {
        controller.Observe(plan.Step, loss);
        if (!plan.IsTopologyStep) return null;
        topology.ComputeNorms();
        TopologyChange change = controller.Update(plan.Step, name => topology.WeightNorms(name), name => topology.GradientNorms(name));
        if (change.Changed.Count > 0 || hasDenseGradients) WriteTopology();
        // Of gradients that were dense, dead blocks hold something too.
        topology.ZeroDeadBlocks();
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

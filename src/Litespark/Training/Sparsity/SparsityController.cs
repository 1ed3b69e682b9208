using System.Text.Json.Nodes;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>
/// Sparse training of a model: which blocks live at which step. Of each step, the caller asks <see cref="Next"/>, runs it, tells
/// <see cref="Observe"/> its loss and, where it is a topology step, calls <see cref="Update"/> after the update of the weights; then
/// <see cref="Masks"/> are those of the next step. All of it follows from the recipe, the seed and what it is told, so that ranks that are told the same hold the
/// same masks, and a run that is resumed goes on as if undisturbed.
/// </summary>
public sealed class SparsityController
{
    /// <summary>The member of <c>training_state.json</c> that holds <see cref="ToJson"/>.</summary>
    public const string StateKey = "sparsity";

    readonly SparsitySection section;
    readonly int maxSteps, seed;
    readonly double gradientShare;
    readonly SparseWeight[] weights;
    readonly SortedDictionary<string, BlockMask> masks = new(StringComparer.Ordinal);
    readonly AutomaticPhases? automatic;
    bool isPostponed;

    /// <summary>The state before the first step: all alive, or random masks where the first step is sparse already.</summary>
    /// <param name="section">The recipe's section; its method is not <see cref="SparsityMethod.None"/>.</param>
    /// <param name="maxSteps">Steps of the run.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="weights">The weights that are covered; their order does not matter.</param>
    public SparsityController(SparsitySection section, int maxSteps, int seed, IReadOnlyList<SparseWeight> weights)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(weights);
        if (section.Method == SparsityMethod.None) throw new ArgumentException("Without a method nothing is sparse.", nameof(section));
        this.section = section;
        this.maxSteps = maxSteps;
        this.seed = seed;
        this.weights = [.. weights.OrderBy(weight => weight.Name, StringComparer.Ordinal)];
        gradientShare = TopologyRule.GradientShareOf(section);
        Schedule = new SparsitySchedule(section, maxSteps);
        if (section.PhaseChange == PhaseChange.Automatic) automatic = new AutomaticPhases(section, Schedule.Phases);

        foreach (SparseWeight weight in this.weights) masks.Add(weight.Name, BlockMask.Full(weight));
        if (Schedule.PhaseAt(1) == SparsityPhase.UltraSparse)
        {
            int[] live = LiveBlocksAt(1);
            for (int i = 0; i < live.Length; i++)
                masks[this.weights[i].Name] = TopologyUpdate.Random(this.weights[i], live[i], new BlockRandom(seed, 0, this.weights[i].Name));
        }
        Recount();
    }

    /// <summary>The masks of the next step, by canonical name in ordinal order.</summary>
    public IReadOnlyDictionary<string, BlockMask> Masks => masks;

    /// <summary>The schedule as it stands; automatic phase changes replace it.</summary>
    public SparsitySchedule Schedule { get; private set; }

    /// <summary>Share of live elements among all that are covered: the share of their products' FLOPs, Σ density·n / Σ n.</summary>
    public double Density { get; private set; }

    /// <summary>Whether any block is dead.</summary>
    public bool IsSparse { get; private set; }

    /// <summary>What a step is.</summary>
    /// <param name="step">Counted from 1; the one that follows what was told so far.</param>
    public SparseStep Next(int step)
    {
        bool isTopologyStep = Schedule.IsTopologyStep(step) || (isPostponed && step < maxSteps);
        // Where everything comes alive there is nothing to choose.
        bool needsGradients = isTopologyStep && gradientShare > 0 && Schedule.SparsityAt(step + 1) > 0;
        return new SparseStep(step, Schedule.PhaseAt(step), IsSparse, isTopologyStep, needsGradients, Density, Schedule.IsAttentionSparse(step));
    }

    /// <summary>Tells a step's loss, in nats; automatic phase changes look at it. Before <see cref="Update"/> of the same step.</summary>
    public void Observe(int step, double loss)
    {
        if (automatic?.ObserveLoss(step, loss) == true) Reschedule();
    }

    /// <summary>A topology step could not be used (its gradients were not to be trusted): the next step is one.</summary>
    public void Postpone() => isPostponed = true;

    /// <summary>New masks at the end of a topology step, for the steps after it.</summary>
    /// <param name="step">A step for which <see cref="SparseStep.IsTopologyStep"/> held.</param>
    /// <param name="weightNorms">Mean magnitudes of the weights' blocks; those of dead blocks do not count.</param>
    /// <param name="gradientNorms">Mean magnitudes of the blocks' gradients; asked only where <see cref="SparseStep.NeedsGradients"/> held.</param>
    /// <exception cref="InvalidOperationException">It is no topology step.</exception>
    /// <exception cref="ArgumentException">Not one magnitude for each block.</exception>
    public TopologyChange Update(int step, BlockNorms weightNorms, BlockNorms gradientNorms)
    {
        ArgumentNullException.ThrowIfNull(weightNorms);
        ArgumentNullException.ThrowIfNull(gradientNorms);
        SparseStep plan = Next(step);
        if (!plan.IsTopologyStep) throw new InvalidOperationException($"Masks do not change at step {step}.");
        isPostponed = false;
        int[] live = LiveBlocksAt(step + 1);
        double dropFraction = Schedule.DropFractionAt(step);
        var changed = new List<string>();
        (int grown, int dropped) = (0, 0);
        for (int i = 0; i < weights.Length; i++)
        {
            string name = weights[i].Name;
            BlockMask before = masks[name];
            ReadOnlySpan<float> gradients = plan.NeedsGradients ? gradientNorms(name) : default;
            BlockMask after = TopologyUpdate.Next(before, new TopologyRule(live[i], dropFraction, gradientShare), weightNorms(name), gradients, new BlockRandom(seed, step, name));
            (int came, int went) = (after.CountNotIn(before), before.CountNotIn(after));
            if (came + went == 0) continue;
            changed.Add(name);
            masks[name] = after;
            grown += came;
            dropped += went;
        }
        Recount();
        double churn = grown / Math.Max(1.0, masks.Values.Sum(mask => (long)mask.Live));
        if (automatic?.ObserveChurn(step, churn) == true) Reschedule();
        return new TopologyChange(changed, grown, dropped, churn);
    }

    /// <summary>The state, for <c>training_state.json</c>: masks, and where automatic phase changes stand.</summary>
    public JsonObject ToJson() => new() { ["phases"] = automatic?.ToJson(), ["postponed"] = isPostponed, ["masks"] = MaskJson.Write(masks.Values) };

    /// <summary>Goes on from a saved state.</summary>
    /// <param name="json">What <see cref="ToJson"/> gave.</param>
    /// <param name="path">Opens the message of an error.</param>
    /// <exception cref="UserErrorException">It is damaged, or of other weights, blocks or phase changes.</exception>
    public void Restore(JsonObject json, string path)
    {
        ArgumentNullException.ThrowIfNull(json);
        foreach (BlockMask mask in MaskJson.Read(json["masks"], path, weights)) masks[mask.Weight.Name] = mask;
        Recount();
        isPostponed = json["postponed"] is System.Text.Json.Nodes.JsonValue value && value.TryGetValue(out bool postponed) && postponed;
        if (automatic is null) return;
        try
        {
            automatic.Restore(json["phases"]!.AsObject());
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{path}: there is no state of automatic phase changes; resume with sparsity.phase_change: steps, as the run was begun.", error);
        }
        Reschedule();
    }

    int[] LiveBlocksAt(int step) => LayerAllocation.LiveBlocks(weights, Schedule.SparsityAt(step), section.Allocation, section.MinDensity);

    void Reschedule() => Schedule = new SparsitySchedule(section, maxSteps, automatic!.Phases);

    void Recount()
    {
        Density = (double)masks.Values.Sum(mask => mask.LiveElements) / masks.Values.Sum(mask => mask.Weight.Elements);
        IsSparse = masks.Values.Any(mask => !mask.IsFull);
    }
}

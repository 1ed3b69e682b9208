using System.Text.Json.Nodes;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>
/// Says of each form of attention whether cuDNN computes it, and by which engine, or our own kernels do. What it said is state of a run
/// (<see cref="Export"/>), which goes on with it (<see cref="Import"/>): another version of cuDNN, or less free memory, would round otherwise.
/// </summary>
/// <param name="gpu">The GPU's name.</param>
/// <param name="cudnn">cuDNN, or null.</param>
/// <param name="withoutCudnn">Why there is none.</param>
internal sealed class AttentionChooser(string gpu, CudnnContext? cudnn, string withoutCudnn)
{
    readonly Dictionary<string, AttentionChoice> ofRun = [];
    readonly Dictionary<string, (AttentionChoice Choice, CudnnPlan? Plan)> used = [];
    readonly OrderedDictionary<string, string> notes = [];
    Action<string> notice = _ => { };

    /// <summary>What became of each form that cuDNN might compute when it was bound first, and why a later program could not follow; one line each, in the order in which they came.</summary>
    public IReadOnlyList<string> Notes => cudnn is null ? [] : [.. notes.Select(note => $"{note.Key}: {note.Value}")];

    /// <summary>
    /// Binds attention over rows that are one document each to cuDNN; null where our own kernels are to do it, and <see cref="Notes"/> says why.
    /// A form is computed as where it was bound first, which is what is saved; only for lack of memory do our own kernels take cuDNN's place later.
    /// </summary>
    public ICudaCall? Bind(CudaBinding binding, AttentionCall call)
    {
        if (call.HasWindow)
        {
            notes[$"attention with a window of {call.Window} of {call.Problem.Geometry.SequenceLength} tokens"] = "own kernels";
            return null;
        }

        string key = call.Problem.Key;
        if (used.TryGetValue(key, out (AttentionChoice Choice, CudnnPlan? Plan) first)) return BindAgain(binding, call, first.Choice, first.Plan);
        AttentionChoice? before = ofRun.GetValueOrDefault(key);
        CudnnPlan? plan = Choose(binding, call.Problem, before, out string outcome);
        AttentionChoice now = plan is null ? AttentionChoice.OwnKernels(gpu) : new AttentionChoice(gpu, $"cuDNN {cudnn!.Version}", plan.Engine);
        notes[$"{call.Problem}"] = outcome;
        if (before is not null && before != now)
            notice($"{call.Problem}: the run computed it by {before}, from here on it is {now}, and results may be rounded otherwise; {outcome}");
        used.Add(key, (now, plan));
        return plan is null ? null : cudnn!.Bind(plan, binding, call.Operands);
    }

    ICudaCall? BindAgain(CudaBinding binding, AttentionCall call, AttentionChoice first, CudnnPlan? plan)
    {
        if (plan is null) return null;
        if (cudnn!.Lack(binding, plan.ScratchBytes) is not { } lack) return cudnn.Bind(plan, binding, call.Operands);
        if (notes.TryAdd($"{call.Problem}, in a later program", lack))
            notice($"{call.Problem}: an earlier program computes it by {first}, a later one by own kernels, and results may be rounded otherwise; {lack}");
        return null;
    }

    /// <summary>What computes each form, as JSON.</summary>
    public JsonObject Export()
        => new(ofRun.Keys.Union(used.Keys).Order(StringComparer.Ordinal).Select(key => KeyValuePair.Create(key, (JsonNode?)(used.TryGetValue(key, out var first) ? first.Choice : ofRun[key]).ToJson())));

    /// <summary>Goes on with what computed attention in a run, as far as it can be had.</summary>
    /// <param name="json">What <see cref="Export"/> gave.</param>
    /// <param name="changed">Told, when a form is bound, what computes it instead.</param>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public void Import(JsonObject json, Action<string> changed)
    {
        foreach ((string problem, JsonNode? choice) in json) ofRun[problem] = AttentionChoice.FromJson(problem, choice);
        used.Clear();
        notice = changed;
    }

    CudnnPlan? Choose(CudaBinding binding, AttentionProblem problem, AttentionChoice? before, out string outcome)
    {
        outcome = $"own kernels: {withoutCudnn}";
        if (cudnn is null) return null;
        if (before is { IsOwn: true })
        {
            outcome = "own kernels, which the run began with";
            return null;
        }

        if (cudnn.Mode == CudnnMode.Forward && problem.IsGradient)
        {
            outcome = $"own kernels, as {CudnnModes.Variable}=forward says";
            return null;
        }

        // An engine's number means something for the same GPU and version alone.
        string? wanted = before is not null && before == new AttentionChoice(gpu, $"cuDNN {cudnn.Version}", before.Engine) ? before.Engine : null;
        (CudnnPlan? plan, outcome) = wanted is null ? (null, "") : cudnn.Plan(problem, wanted);
        if (plan is null) (plan, outcome) = cudnn.Fastest(problem, fits: candidate => cudnn.Lack(binding, candidate.ScratchBytes) is null);
        if (plan is null || cudnn.Lack(binding, plan.ScratchBytes) is not { } lack) return plan;
        outcome = lack;
        return null;
    }
}

using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>
/// The optimiser step as a graph: global gradient norm, clip factor, AdamW, and Muon for hidden matrices.
/// Fused, neighbours in memory are updated by one call (multi-tensor); else parameter by parameter.
/// </summary>
internal sealed class UpdateGraph
{
    /// <summary>Coefficients of the quintic Newton–Schulz iteration (Jordan et al. 2024, "Muon").</summary>
    const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

    const string FactorName = "clip_factor";
    readonly PersistentLayout layout;
    readonly OptimizerSettings settings;
    readonly bool fused;
    readonly StoredParameter[] trained;

    public UpdateGraph(ParameterTable parameters, PersistentLayout layout, OptimizerSettings settings, bool fused)
    {
        this.layout = layout;
        this.settings = settings;
        this.fused = fused;
        trained = [.. parameters.Stored.Where(parameter => parameter.Gradient is not null).OrderBy(parameter => parameter.Weight.Offset)];
    }

    /// <summary>gradients → gradient_norm [1], clip_factor [1].</summary>
    public Graph BuildClip()
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        StoredParameter[] dense = [.. trained.Where(parameter => parameter.Grid is null)];
        PersistentTensor[] gradients = fused
            ? [.. Spans(dense).Select(span => Span("gradients", span, parameter => parameter.Gradient!))]
            : [.. dense.Select(parameter => parameter.Gradient!)];
        Value? squares = null;
        foreach (PersistentTensor tensor in gradients)
        {
            Value gradient = State(builder, tensor);
            squares = squares is null ? builder.Apply1(new SumOfSquares(), gradient) : builder.Apply1(new SumOfSquares().WithAddend(0), gradient, squares);
        }

        foreach (StoredParameter parameter in trained.Where(parameter => parameter.Grid is not null))
        {
            Value gradient = State(builder, parameter.Gradient!), topology = State(builder, parameter.Topology!);
            var op = new BlockSparseSumOfSquares(parameter.Grid!);
            squares = squares is null ? builder.Apply1(op, gradient, topology) : builder.Apply1(op.WithAddend(0), gradient, topology, squares);
        }

        IReadOnlyList<Value> outputs = builder.Apply(new ClipFactor((float)settings.GradientClip), squares!);
        builder.Graph.AddOutput("gradient_norm", outputs[0]);
        builder.Graph.AddOutput(FactorName, outputs[1]);
        return builder.Graph;
    }

    /// <summary>gradients, moments, schedule, clip_factor → weights and moments, in place.</summary>
    public Graph BuildUpdate()
    {
        var builder = new GraphBuilder { Phase = Phase.Optimizer };
        Value schedule = builder.Input("schedule", new Shape(4)), factor = builder.State(FactorName, new Shape(1));
        StoredParameter[] adam = [.. trained.Where(parameter => !parameter.UsesMuon && parameter.Grid is null)];
        if (fused)
        {
            foreach (StoredParameter[] span in adam.GroupBy(parameter => parameter.Decays).SelectMany(Spans))
                AdamW(builder, span[0].Decays, schedule, factor, span[0].Master is not null, (kind, select) => Span(kind, span, select));
        }
        else
        {
            foreach (StoredParameter parameter in adam)
                AdamW(builder, parameter.Decays, schedule, factor, parameter.Master is not null, (_, select) => select(parameter));
        }

        foreach (StoredParameter parameter in trained.Where(parameter => parameter.Grid is not null)) BlockSparseAdamW(builder, parameter, schedule, factor);
        Value learningRate = builder.Slice(schedule, 0, 3, 1);
        foreach (StoredParameter parameter in trained.Where(parameter => parameter.UsesMuon)) Muon(builder, parameter, settings, learningRate, factor);
        return builder.Graph;
    }

    /// <summary>One call over what <paramref name="tensor"/> finds: one parameter's tensors, or neighbours as one.</summary>
    void AdamW(GraphBuilder builder, bool decays, Value schedule, Value factor, bool hasMaster, Func<string, Func<StoredParameter, PersistentTensor>, PersistentTensor> tensor)
    {
        var op = new AdamW((float)settings.Beta1, (float)settings.Beta2, (float)settings.Epsilon, decays ? (float)settings.WeightDecay : 0, hasMaster);
        Value Find(string kind, Func<StoredParameter, PersistentTensor> select) => State(builder, tensor(kind, select));
        Value weight = hasMaster ? Find("master", parameter => parameter.Master!) : Find("weights", parameter => parameter.Weight);
        Value[] inputs = [weight, Find("gradients", parameter => parameter.Gradient!), Find("m", parameter => parameter.FirstMoment!), Find("v", parameter => parameter.SecondMoment!), schedule, factor];
        builder.Apply(op, hasMaster ? [.. inputs, Find("weights", parameter => parameter.Weight)] : inputs);
    }

    /// <summary>The live blocks of a sparse parameter; sparse parameters are updated one by one.</summary>
    void BlockSparseAdamW(GraphBuilder builder, StoredParameter parameter, Value schedule, Value factor)
    {
        bool hasMaster = parameter.Master is not null;
        var op = new BlockSparseAdamW(parameter.Grid!, (float)settings.Beta1, (float)settings.Beta2, (float)settings.Epsilon, (float)settings.WeightDecay, hasMaster);
        Value Find(PersistentTensor? tensor) => State(builder, tensor!);
        Value[] inputs = [Find(parameter.Master ?? parameter.Weight), Find(parameter.Gradient), Find(parameter.FirstMoment), Find(parameter.SecondMoment), Find(parameter.Topology), schedule, factor];
        builder.Apply(op, hasMaster ? [.. inputs, Find(parameter.Weight)] : inputs);
    }

    /// <summary>
    /// Muon: the momentum of each matrix is replaced by a nearly orthogonal one, X ← aX + (bG + cG²)X with G = XXᵀ (on the
    /// shorter side), and scaled by √max(1, outputs/inputs). Matrices that are stored together are treated one by one.
    /// </summary>
    static void Muon(GraphBuilder builder, StoredParameter parameter, OptimizerSettings settings, Value learningRate, Value factor)
    {
        Value weight = State(builder, parameter.Weight), gradient = State(builder, parameter.Gradient!), momentum = State(builder, parameter.FirstMoment!);
        Value update = builder.Apply1(new Momentum((float)settings.MuonMomentum, Nesterov: true, weight.Type.DataType), gradient, momentum, factor);
        bool inputFirst = settings.IsInputFirst(parameter.Members[0].Name);
        var parts = new List<Value>();
        foreach ((int axis, int start, int length) in Matrices(parameter, settings))
        {
            Value part = length == (axis == 0 ? update.Shape.Rows : update.Shape.Columns) ? update : builder.Slice(update, axis, start, length);
            if (axis == 1 && part != update) part = builder.Apply1(new Copy(), part);
            (int rows, int columns) = (part.Shape.Rows, part.Shape.Columns);
            Value x = builder.Apply1(new Normalize(1e-7f), part);
            for (int i = 0; i < settings.MuonIterations; i++) x = NewtonSchulz(builder, x, rows <= columns);
            double ratio = inputFirst ? (double)columns / rows : (double)rows / columns;
            parts.Add(ratio > 1 ? builder.Scale(x, Math.Sqrt(ratio)) : x);
        }

        Value direction = parts.Count == 1 ? parts[0] : builder.Concat(settings.FusedColumns(parameter.Name) > 1 ? 1 : 0, [.. parts]);
        var op = new ScaledUpdate(1, (float)settings.WeightDecay, parameter.Master is not null);
        if (parameter.Master is null) builder.Apply(op, weight, direction, learningRate);
        else builder.Apply(op, State(builder, parameter.Master), direction, learningRate, weight);
    }

    /// <summary>The matrices in a stored parameter: its members along the rows, or equal parts of its columns.</summary>
    static IEnumerable<(int Axis, int Start, int Length)> Matrices(StoredParameter parameter, OptimizerSettings settings)
    {
        int columns = settings.FusedColumns(parameter.Name), start = 0;
        if (columns > 1)
        {
            int width = parameter.Weight.Type.Shape.Columns / columns;
            for (int i = 0; i < columns; i++) yield return (1, i * width, width);
            yield break;
        }

        foreach (CanonicalParameter member in parameter.Members)
        {
            yield return (0, start, member.Shape.Rows);
            start += member.Shape.Rows;
        }
    }

    static Value NewtonSchulz(GraphBuilder builder, Value x, bool wide)
    {
        Value gram = wide ? builder.MatMul(x, x, transposeB: true) : builder.MatMul(x, x, transposeA: true);
        Value polynomial = builder.Apply1(new MatMul(false, false, Alpha: C).WithAddend(0), gram, gram, builder.Scale(gram, B));
        Value scaled = builder.Scale(x, A);
        return wide
            ? builder.Apply1(new MatMul(false, false).WithAddend(0), polynomial, x, scaled)
            : builder.Apply1(new MatMul(false, false).WithAddend(0), x, polynomial, scaled);
    }

    static Value State(GraphBuilder builder, PersistentTensor tensor)
        => builder.Graph.Sources.FirstOrDefault(source => source.Name == tensor.Name) ?? builder.State(tensor.Name, tensor.Type.Shape, tensor.Type.DataType);

    /// <summary>Neighbours cut where one view would become too long: one span, but for models of tens of billions of parameters.</summary>
    IEnumerable<StoredParameter[]> Spans(IEnumerable<StoredParameter> neighbours)
    {
        List<StoredParameter> span = [];
        foreach (StoredParameter parameter in neighbours)
        {
            if (span.Count > 0 && !layout.FitsView(span[0].Gradient!, parameter.Gradient!))
            {
                yield return [.. span];
                span.Clear();
            }

            span.Add(parameter);
        }

        if (span.Count > 0) yield return [.. span];
    }

    /// <summary>The neighbours' memory as one tensor.</summary>
    PersistentTensor Span(string kind, StoredParameter[] parameters, Func<StoredParameter, PersistentTensor> select)
    {
        (PersistentTensor first, PersistentTensor last) = (select(parameters[0]), select(parameters[^1]));
        return layout.AddView($"{kind}/[{first.Name} … {last.Name}]", first, last);
    }
}

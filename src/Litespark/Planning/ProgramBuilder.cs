using Litespark.Graphs;
using Litespark.Planning.Passes;

namespace Litespark.Planning;

/// <summary>A model as a function that builds its logits [N, V] into a context.</summary>
public delegate Value ModelFunction(ModelContext context);

/// <summary>
/// Builds programs: forward graph → forward fusions → autodiff → joint fusions → plan, for every plan of the program,
/// over one persistent layout.
/// </summary>
public sealed class ProgramBuilder
{
    /// <summary>Plan that runs a step's first micro-batch: gradients and loss are overwritten.</summary>
    public const string FirstMicroBatch = "first_micro_batch";

    /// <summary>Plan that runs the further micro-batches: gradients and loss are added to.</summary>
    public const string NextMicroBatch = "next_micro_batch";

    /// <summary>Plan that computes the gradient norm and the factor to clip by.</summary>
    public const string Clip = "clip";

    /// <summary>Plan that updates the weights.</summary>
    public const string Update = "update";

    /// <summary>Plan that computes the norms of sparse weights' blocks and of their gradients'; only where there are sparse weights.</summary>
    public const string BlockNorms = "block_norms";

    /// <summary>Plan that zeroes dead blocks of weights, gradients and first moments; only where there are sparse weights.</summary>
    public const string ZeroDeadBlocks = "zero_dead_blocks";

    /// <summary>Zeroes the second moments of dead blocks.</summary>
    public const string ZeroSecondMoments = "zero_second_moments";

    /// <summary>Gives the second moments of dead blocks the mean of their row's live ones.</summary>
    public const string FillSecondMoments = "fill_second_moments";

    /// <summary>Plan that only computes losses, token by token and summed.</summary>
    public const string Evaluate = "evaluate";

    readonly ModelFunction model;
    readonly PlanOptions options;
    readonly PersistentLayout layout;
    readonly Dictionary<PersistentTensor, Action<Span<float>>> constants = [];
    readonly List<StepPlan> plans = [];
    readonly Func<string, bool> isTrainable;
    readonly DeviceProfile device;
    readonly SparsitySettings? sparsity;
    ParameterTable? parameters;
    int vocabulary;

    /// <summary>Starts a program.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Passes.</param>
    /// <param name="isTrainable">Which parameters train; all by default.</param>
    /// <param name="device">What it will run on; the CPU by default.</param>
    /// <param name="sparsity">Which weights are block-sparse, and whether attention may be; none by default.</param>
    public ProgramBuilder(ModelFunction model, PlanOptions options, Func<string, bool>? isTrainable = null, DeviceProfile? device = null, SparsitySettings? sparsity = null)
    {
        this.sparsity = sparsity;
        this.device = device ?? DeviceProfile.Cpu;
        layout = new PersistentLayout(this.device.PaddingElements);
        this.model = model;
        this.options = options;
        this.isTrainable = isTrainable ?? (_ => true);
    }

    /// <summary>A program that trains: first and next micro-batch, clip, update, evaluate.</summary>
    public static StepProgram Training(ModelFunction model, PlanOptions options, OptimizerSettings optimizer, int sequences, int sequenceLength, Func<string, bool>? isTrainable = null, DeviceProfile? device = null, SparsitySettings? sparsity = null)
    {
        var builder = new ProgramBuilder(model, options, isTrainable, device, sparsity);
        builder.AddMicroBatch(FirstMicroBatch, sequences, sequenceLength, optimizer, accumulate: false);
        builder.AddMicroBatch(NextMicroBatch, sequences, sequenceLength, optimizer, accumulate: true);
        builder.AddUpdate(optimizer);
        builder.AddEvaluate(sequences, sequenceLength);
        return builder.Build();
    }

    /// <summary>
    /// A program that generates: a plan for each bucket of new tokens. All share the inputs <c>tokens</c> and <c>positions</c>,
    /// as long as the largest bucket; a plan reads the first of them.
    /// </summary>
    public static StepProgram Generation(ModelFunction model, PlanOptions options, IReadOnlyList<int> buckets, int capacity, DeviceProfile? device = null)
    {
        var builder = new ProgramBuilder(model, options, _ => false, device);
        foreach (int newTokens in buckets.OrderDescending()) builder.AddGeneration(newTokens, capacity);
        return builder.Build();
    }

    /// <summary>A program of one plan, a graph as it is: for probes and tests of single ops.</summary>
    internal static StepProgram Single(string name, Graph graph, DeviceProfile device)
    {
        var builder = new ProgramBuilder(_ => throw new InvalidOperationException("a single graph has no model"), PlanOptions.Litespark, device: device);
        builder.Compile(name, graph);
        return builder.Build();
    }

    /// <summary>Name of the generation plan for a number of new tokens.</summary>
    public static string GenerationPlan(int newTokens) => $"generate_{newTokens}";

    /// <summary>Adds a plan that computes losses; outputs loss [1] (a sum, in nats) and token_losses [N].</summary>
    public void AddEvaluate(int sequences, int sequenceLength)
    {
        var context = new TrainingContext(NewGraph(), sequences, sequenceLength);
        GraphBuilder builder = context.Builder;
        (Value loss, Value perToken) = builder.CrossEntropy(Logits(context), context.Targets);
        builder.Graph.AddOutput("loss", loss);
        builder.Graph.AddOutput("token_losses", perToken);
        RunForwardPasses(builder.Graph);
        Compile(Evaluate, builder.Graph);
    }

    /// <summary>Adds a plan that computes the logits [N, V] of every token, for inspection and tests.</summary>
    public void AddLogits(int sequences, int sequenceLength)
    {
        var context = new TrainingContext(NewGraph(), sequences, sequenceLength);
        context.Builder.Graph.AddOutput("logits", context.Builder.Cast(Logits(context), DataType.Float32));
        RunForwardPasses(context.Builder.Graph);
        Compile("logits", context.Builder.Graph);
    }

    /// <summary>Adds a plan that feeds new tokens to the cache and computes the logits [1, V] of one of them.</summary>
    public void AddGeneration(int newTokens, int capacity)
    {
        var context = new GenerationContext(NewGraph(), newTokens, capacity);
        context.Builder.Graph.AddOutput("logits", context.Builder.Cast(Logits(context), DataType.Float32));
        RunForwardPasses(context.Builder.Graph);
        Compile(GenerationPlan(newTokens), context.Builder.Graph);
    }

    /// <summary>Adds a plan that runs forward and backward over one micro-batch.</summary>
    public void AddMicroBatch(string name, int sequences, int sequenceLength, OptimizerSettings optimizer, bool accumulate)
    {
        var context = new TrainingContext(NewGraph(), sequences, sequenceLength);
        GraphBuilder builder = context.Builder;
        Graph graph = builder.Graph;
        (Value loss, _) = builder.CrossEntropy(Logits(context), context.Targets);
        Value scale = builder.Input("loss_scale", new Shape(1));
        graph.AddOutput("loss", accumulate ? builder.Add(builder.State("loss", loss.Shape), loss) : loss);
        RunForwardPasses(graph);
        SparseAttention.AddShares(builder, accumulate);

        Value[] trainable = [.. graph.Sources.Where(source => source.Role == ValueRole.Parameter && source.IsTrainable)];
        IReadOnlyDictionary<Value, Value> gradients = Autodiff.Differentiate(graph, LossSum(graph), scale, trainable);
        PlaceParameters(graph, gradients, optimizer);
        builder.Phase = Phase.Backward;
        foreach (Value parameter in trainable)
        {
            if (!gradients.TryGetValue(parameter, out Value? gradient)) continue;
            string slot = GradientName(parameter.Name);
            // Parameters that are added up have one gradient; each is given its own.
            if (graph.Outputs.Any(output => output.Value == gradient)) gradient = builder.Apply1(new Graphs.Ops.Copy(), gradient);
            Value total = accumulate ? builder.Add(builder.State(slot, parameter.Shape), gradient) : gradient;
            graph.AddOutput(slot, total);
        }

        ChunkedLoss.Expand(graph, device.LossChunkElements);
        if (options.Has("accumulate_into")) AccumulateInto.Run(graph);
        Recompute.Run(graph, options.Recompute);
        Compile(name, graph);
    }

    /// <summary>Adds the plans that clip and update: two, so that a bad gradient is seen before it does harm.</summary>
    public void AddUpdate(OptimizerSettings optimizer)
    {
        var update = new UpdateGraph(parameters!, layout, optimizer, options.Has("fused_optimizer"));
        Compile(Clip, update.BuildClip());
        Compile(Update, update.BuildUpdate());
        if (!parameters!.Stored.Any(parameter => parameter.Grid is not null)) return;
        var topology = new TopologyGraph(parameters);
        Compile(BlockNorms, topology.BuildBlockNorms());
        Compile(ZeroDeadBlocks, topology.BuildZeroDeadBlocks());
        Compile(ZeroSecondMoments, topology.BuildZeroSecondMoments());
        Compile(FillSecondMoments, topology.BuildFillSecondMoments());
    }

    /// <summary>The finished program.</summary>
    public StepProgram Build() => new(layout, parameters!, plans, [.. constants.Select(pair => (pair.Key, pair.Value))], vocabulary,
        plans.SelectMany(plan => plan.Calls).Select(device.ScratchBytes).DefaultIfEmpty(0).Max());

    internal static string GradientName(string parameter) => "gradients/" + parameter;

    GraphBuilder NewGraph() => new() { IsTrainable = isTrainable, Precision = device.Precision };

    Value Logits(ModelContext context)
    {
        Value logits = model(context);
        vocabulary = logits.Shape.Columns;
        return logits;
    }

    static Value LossSum(Graph graph)
    {
        Value loss = graph.Output("loss");
        return loss.Producer!.Op is Graphs.Ops.Add ? loss.Producer.Inputs[1] : loss;
    }

    void RunForwardPasses(Graph graph)
    {
        if (options.Has("fused_mlp")) FusedMlp.Run(graph);
        if (options.Has("fused_qkv")) FusedQkv.Run(graph);
        if (options.Has("fused_attention")) FusedAttention.Run(graph);
        if (options.Has("fused_norm")) FusedNorm.Run(graph);
        if (options.Has("chunked_loss")) ChunkedLoss.Fuse(graph);
        DecomposeUnsupported.Run(graph, device);
        if (sparsity is { SparseAttention: true }) SparseAttention.Run(graph, device);
    }

    void Compile(string name, Graph graph)
    {
        PlaceParameters(graph, null, null);
        ChunkedLoss.Expand(graph, device.LossChunkElements);
        BlockSparsity.Run(graph, parameters!);
        Cleanup.Run(graph);
        plans.Add(PlanCompiler.Compile(name, graph, Bind(graph), options.Has("in_place"), options.Has("padded_rows") ? device.RowStride : null));
    }

    /// <summary>The first graph of a program decides how parameters lie in memory; all others use the same passes and agree.</summary>
    void PlaceParameters(Graph graph, IReadOnlyDictionary<Value, Value>? gradients, OptimizerSettings? optimizer)
    {
        if (parameters is not null) return;
        Value[] sources = [.. graph.Sources.Where(source => source.Role == ValueRole.Parameter)];
        parameters = ParameterPlacement.Place(layout, sources, gradients is null ? null : gradients.ContainsKey, optimizer, sparsity);
    }

    Dictionary<Value, PersistentTensor> Bind(Graph graph)
    {
        var bindings = new Dictionary<Value, PersistentTensor>();
        foreach (Value source in graph.Sources)
        {
            bindings[source] = source.Role switch
            {
                ValueRole.Parameter => layout[ParameterPlacement.WeightName(source.Name)],
                ValueRole.State when layout.Tensors.TryGetValue(source.Name, out PersistentTensor? known) => known,
                ValueRole.Input when layout.Tensors.TryGetValue(source.Name, out PersistentTensor? longer) && IsHead(source.Type, longer.Type) => longer,
                ValueRole.State when source.Name.StartsWith("cache/", StringComparison.Ordinal) => layout.Add(source.Name, MemoryCategory.Cache, source.Type),
                _ => layout.Add(source.Name, MemoryCategory.Exchange, source.Type),
            };
            if (source.Contents is { } contents) constants[bindings[source]] = contents;
        }

        foreach (GraphOutput output in graph.Outputs)
            bindings[output.Value] = layout.Tensors.TryGetValue(output.Name, out PersistentTensor? known) ? known : layout.Add(output.Name, MemoryCategory.Exchange, output.Value.Type);
        return bindings;
    }

    /// <summary>Whether a list is as long as another's beginning: a smaller plan's input lies at the head of a larger plan's.</summary>
    static bool IsHead(TensorType part, TensorType whole)
        => part.DataType == whole.DataType && part.Shape.Rank == 1 && whole.Shape.Rank == 1 && part.Shape.Length < whole.Shape.Length;
}

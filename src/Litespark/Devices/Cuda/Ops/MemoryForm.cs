using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// How kernels that memory's rate holds share out their work: how much a thread has on its way from memory at a time against how many threads
/// its registers leave room for. Counting narrows the choice, a GPU makes it: the self-test's memory stage times the forms beside each other.
/// </summary>
/// <param name="Name">For results.</param>
internal sealed record MemoryForm(string Name)
{
    /// <summary>Operands of gated linear units: packs of each that a thread loads before it uses the first.</summary>
    public int PacksAhead { get; init; } = 1;

    /// <summary>Gated linear units: a block for every piece of the matrices, rather than as many as the GPU holds, which then go on.</summary>
    public bool BlockForEachPiece { get; init; } = true;

    /// <summary>Gated linear units: kernels of their own where rows are made of whole packs.</summary>
    public bool KnowsWholePacks { get; init; } = true;

    /// <summary>Softmax: packs of a row that a thread holds in registers; 0 reads the row twice.</summary>
    public int HeldPacks { get; init; } = 4;

    /// <summary>Rotary embedding: heads that a thread turns by the same angles.</summary>
    public int HeadsTogether { get; init; } = 4;

    /// <summary>Gradients of norms: threads of a multiprocessor.</summary>
    public int NormThreads { get; init; } = 512;

    /// <summary>Gradients of norms: as many teams in one block as there are on a multiprocessor, so that it leaves one row of sums rather than one a team.</summary>
    public bool TeamsShareBlock { get; init; } = true;

    /// <summary>What plans use.</summary>
    public static MemoryForm Usual { get; } = new("usual");

    /// <summary>Forms to time for an op; the first is what plans use.</summary>
    public static IReadOnlyList<MemoryForm> Of(Op op) => op switch
    {
        GatedActivation or GatedActivationGradient =>
        [
            Usual, new("two packs ahead") { PacksAhead = 2 }, new("blocks that go on") { BlockForEachPiece = false },
            new("blocks that go on, packs of any alignment") { BlockForEachPiece = false, KnowsWholePacks = false },
        ],
        Softmax or SoftmaxGradient => [Usual, new("eight packs held") { HeldPacks = 8 }, new("rows read twice") { HeldPacks = 0 }],
        Rope => [Usual, new("two heads") { HeadsTogether = 2 }, new("one head") { HeadsTogether = 1 }],
        RmsNormGradient => [Usual, new("640 threads") { NormThreads = 640 }, new("a block for each team") { TeamsShareBlock = false }],
        LayerNormGradient => [Usual, new("a block for each team") { TeamsShareBlock = false }], // 640 threads would spill
        _ => [Usual],
    };
}

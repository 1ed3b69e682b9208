using Litespark.Energy.Profiles;

namespace Litespark.Tests.Energy.Paper;

/// <summary>What kernels do alike, as far as shapes don't tell it.</summary>
internal enum KernelKind
{
    /// <summary>Product with a weight, or a weight's gradient.</summary>
    Gemm,

    /// <summary>Batched product of attention.</summary>
    AttentionGemm,
    Permute,
    NormBackward,

    /// <summary>Norm, and residual addition with the norm that follows it.</summary>
    Norm,
    Gelu,
    BiasBackward,
    Softmax,
    Embedding,

    /// <summary>So short that nothing about it counts.</summary>
    Tiny,
}

/// <summary>A kernel of the paper's step.</summary>
/// <param name="Number">Its number in Table 1.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Kind">What it is like.</param>
/// <param name="Times">Calls in a step.</param>
/// <param name="Flops">FLOPs of a call; products alone count.</param>
/// <param name="Bytes">Bytes that a call moves.</param>
internal sealed record PaperKernel(int Number, string Name, KernelKind Kind, int Times, double Flops, double Bytes)
{
    /// <summary>Kernels 19 on are the backward pass, and so are the loss's gradients.</summary>
    public string Phase => Number >= 16 ? "backward" : "forward";
}

/// <summary>
/// The 46 kernels of GPT-3-XL's step (section 4): 24 layers, 2048 wide, 16 heads, sequences of 1024, 50257 tokens in the
/// vocabulary, two bytes an element. Which product is which follows from the order in which a Transformer's step needs them;
/// the paper's table names them "GEMM".
/// </summary>
internal static class PaperStep
{
    const double Width = 2048, Heads = 16, Sequence = 1024, Vocabulary = 50257, ElementBytes = 2;
    const int Layers = 24;

    /// <summary>The step's order, as numbers of kernels: layers one after another.</summary>
    public static readonly ProfiledPart[] Parts =
    [
        new("embedding", 1, [0, 1]), new("forward layer", Layers, [.. Enumerable.Range(2, 12)]), new("loss", 1, [.. Enumerable.Range(14, 5)]),
        new("backward layer", Layers, [.. Enumerable.Range(19, 25)]), new("embedding backward", 1, [44, 45]),
    ];

    /// <summary>The kernels in their order.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="ways">GPUs that share every layer (tensor and sequence parallelism, Megatron-style; no communication).</param>
    public static PaperKernel[] Kernels(int batch = 40, int ways = 1)
    {
        double tokens = batch * Sequence;
        double x = tokens * Width * ElementBytes, own = x / ways, scores = batch * Heads / ways * Sequence * Sequence * ElementBytes, logits = tokens * Vocabulary / ways * ElementBytes;
        var kernels = new List<PaperKernel>();
        int times = 1;
        void Stream(string name, KernelKind kind, double bytes) => kernels.Add(new PaperKernel(kernels.Count, name, kind, times, 0, bytes));
        void Gemm(double m, double n, double k) => kernels.Add(new PaperKernel(kernels.Count, "GEMM", KernelKind.Gemm, times, 2 * m * n * k, ElementBytes * ((m * n) + (m * k) + (k * n))));
        void Attention() => kernels.Add(new PaperKernel(kernels.Count, "GEMM", KernelKind.AttentionGemm, times, 2 * batch * Heads / ways * Sequence * Sequence * (Width / Heads), scores + (2 * own)));
        double wide = 4 * Width / ways, qkv = 3 * Width / ways;

        Stream("WTE&WPE", KernelKind.Embedding, 2 * own); // 0
        Stream("Layernorm", KernelKind.Norm, 2 * own);
        times = Layers;
        Gemm(tokens, qkv, Width); // 2
        Stream("Permute", KernelKind.Permute, 6 * own);
        Attention();
        Stream("Softmax", KernelKind.Softmax, 2 * scores); // 5
        Attention();
        Stream("Permute", KernelKind.Permute, 2 * own);
        Gemm(tokens, Width, Width / ways); // 8
        Stream("Residual", KernelKind.Norm, 4 * own);
        Gemm(tokens, wide, Width);
        Stream("GELU", KernelKind.Gelu, 8 * own); // 11
        Gemm(tokens, Width, wide);
        Stream("Residual", KernelKind.Norm, 4 * own);
        times = 1;
        Gemm(tokens, Vocabulary / ways, Width); // 14
        Stream("Softmax", KernelKind.Softmax, 2 * logits);
        Gemm(tokens, Width, Vocabulary / ways);
        Gemm(Vocabulary / ways, Width, tokens); // 17
        Stream("←Layernorm", KernelKind.NormBackward, 4 * own);
        times = Layers;
        Stream("GELU", KernelKind.Gelu, 8 * own); // 19
        Stream("←Bias", KernelKind.BiasBackward, own);
        Stream("←Bias reduce", KernelKind.Tiny, 1);
        Gemm(tokens, wide, Width); // 22
        Stream("←GELU", KernelKind.Gelu, 12 * own);
        Gemm(Width, wide, tokens);
        Stream("←Bias", KernelKind.BiasBackward, 4 * own); // 25
        Gemm(tokens, Width, wide);
        Gemm(wide, Width, tokens);
        Stream("←Layernorm", KernelKind.NormBackward, 4 * own); // 28
        Stream("←Bias", KernelKind.BiasBackward, own);
        Stream("←Bias reduce", KernelKind.Tiny, 1);
        Gemm(tokens, Width / ways, Width); // 31
        Gemm(Width, Width / ways, tokens);
        Stream("Permute", KernelKind.Permute, 2 * own);
        Attention(); // 34
        Attention();
        Stream("←Softmax", KernelKind.Softmax, 3 * scores);
        Attention(); // 37
        Attention();
        Stream("Permute", KernelKind.Permute, 6 * own);
        Stream("←Bias", KernelKind.BiasBackward, 3 * own); // 40
        Gemm(tokens, Width, qkv);
        Gemm(qkv, Width, tokens);
        Stream("←Layernorm", KernelKind.NormBackward, 4 * own); // 43
        times = 1;
        Stream("←WPE", KernelKind.Embedding, own);
        Stream("←WTE", KernelKind.Embedding, 2 * own); // 45
        return [.. kernels];
    }
}

using Litespark.Models;
using Litespark.Tokenization;

namespace Litespark.Checkpoints;

/// <summary>What an export wrote.</summary>
/// <param name="Source">The model folder that it was taken from.</param>
/// <param name="Parameters">Number of weights.</param>
/// <param name="Bytes">Size of all files.</param>
/// <param name="HasTokenizer">Whether a tokenizer came along.</param>
public sealed record ExportedModel(string Source, long Parameters, long Bytes, bool HasTokenizer);

/// <summary>Writes a trained model as a plain Hugging Face folder, without the training state.</summary>
public static class ModelExport
{
    const string TokenizerFile = "tokenizer.json", GenerationFile = "generation_config.json";

    /// <summary>Exports a model. The folder appears under its name when it is whole.</summary>
    /// <param name="checkpoint">A run, a checkpoint, or a Hugging Face folder.</param>
    /// <param name="folder">Where to; must not exist, or be empty.</param>
    /// <param name="dtype">How weights are stored; fp32 is exact.</param>
    /// <exception cref="UserErrorException">There is no model, or the folder holds something or cannot be written.</exception>
    public static ExportedModel Export(string checkpoint, string folder, WeightDtype dtype)
    {
        string source = CheckpointStore.ResolveModelFolder(checkpoint, out _);
        EmptyFolder.Require(folder);
        TransformerSpec spec = HuggingFaceFolder.ReadSpec(source);
        Tokenizer? tokenizer = File.Exists(Path.Combine(source, TokenizerFile)) ? Tokenizer.Load(source) : null;
        var weights = new DictionaryTensorStore(ParameterCatalog.Tensors(spec));
        HuggingFaceFolder.LoadWeights(source, spec, weights);
        string target = Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar), partial = target + ".partial";
        try
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
            HuggingFaceFolder.Save(partial, spec, weights, new HuggingFaceSaveOptions
            {
                Dtype = dtype,
                BosTokenId = tokenizer?.BeginOfTextId,
                EosTokenIds = HuggingFaceFolder.ReadEosTokenIds(source),
                WriteTokenizer = tokenizer is null ? null : tokenizer.Save,
            });
            // A model from elsewhere may say more there than how its texts begin and end.
            string generation = Path.Combine(source, GenerationFile);
            if (File.Exists(generation)) File.Copy(generation, Path.Combine(partial, GenerationFile), overwrite: true);
            if (Directory.Exists(target)) Directory.Delete(target);
            Directory.Move(partial, target);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: cannot be written: {error.Message} Free some space there, or give another folder.", error);
        }
        finally
        {
            if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        }

        long bytes = new DirectoryInfo(target).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        return new ExportedModel(source, weights.Tensors.Sum(tensor => tensor.Length), bytes, tokenizer is not null);
    }
}

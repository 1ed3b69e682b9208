using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Planning;

namespace Litespark.Training;

/// <summary>
/// <c>machines.jsonl</c> of a run folder: what computes, a line at the start and at every resume, since times and, between instruction sets, the last
/// bits of losses belong to a machine.
/// </summary>
internal static class MachineLog
{
    /// <summary>The file's name in a run folder.</summary>
    public const string FileName = "machines.jsonl";

    static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Adds a line: from the step after <paramref name="step"/> on it is this device.</summary>
    public static void Append(string runFolder, long step, IDevice device)
    {
        var facts = new JsonObject();
        foreach ((string name, string value) in device.Facts) facts[name] = value;
        string version = typeof(MachineLog).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        var line = new JsonObject
        {
            ["after_step"] = step, ["time"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), ["litespark"] = version,
            ["device"] = device.Name, ["hardware"] = device.HardwareName, ["processors"] = Environment.ProcessorCount, ["facts"] = facts,
        };
        using var file = new FileStream(Path.Combine(runFolder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        // A full disk or a kill may have cut the last line short.
        bool isWhole = file.Length == 0 || (file.Seek(-1, SeekOrigin.End) >= 0 && file.ReadByte() == '\n');
        file.Seek(0, SeekOrigin.End);
        file.Write(Encoding.UTF8.GetBytes((isWhole ? "" : "\n") + line.ToJsonString(Readable) + "\n"));
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Energy;

/// <summary>Profiles and clock plans as JSON files, snake_case.</summary>
public static class EnergyJson
{
    /// <summary>Writes a profile, replacing the file.</summary>
    public static void Write(string path, EnergyProfile profile) => Write(path, profile, EnergyJsonContext.Default.EnergyProfile);

    /// <summary>Writes a plan, replacing the file.</summary>
    public static void Write(string path, ClockPlan plan) => Write(path, plan, EnergyJsonContext.Default.ClockPlan);

    /// <summary>Reads a profile.</summary>
    /// <exception cref="UserErrorException">The file is missing, or is not a profile that holds together.</exception>
    public static EnergyProfile ReadProfile(string path)
    {
        EnergyProfile profile = Read(path, "an energy profile ('litespark energy profile' writes one)", EnergyJsonContext.Default.EnergyProfile);
        if (EnergyJsonChecks.Fault(profile) is { } fault) throw new UserErrorException($"{path}: {fault}");
        return profile;
    }

    /// <summary>Reads a plan.</summary>
    /// <exception cref="UserErrorException">The file is missing, or is not a plan that holds together.</exception>
    public static ClockPlan ReadPlan(string path)
    {
        ClockPlan plan = Read(path, "a clock plan ('litespark energy plan' writes one)", EnergyJsonContext.Default.ClockPlan);
        if (EnergyJsonChecks.Fault(plan) is { } fault) throw new UserErrorException($"{path}: {fault}");
        return plan;
    }

    /// <summary>Makes sure, before hours of measuring, that a file can be written afterwards; leaves what is there as it is.</summary>
    /// <exception cref="UserErrorException">It cannot.</exception>
    public static void RequireWritable(string path)
    {
        bool isNew = !File.Exists(path);
        try
        {
            using (File.Open(path, FileMode.OpenOrCreate, FileAccess.Write))
            {
            }

            if (isNew) File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, cause);
        }
    }

    static UserErrorException CannotWrite(string path, Exception cause) => new($"{path}: cannot be written: {cause.Message}", cause);

    static void Write<T>(string path, T value, JsonTypeInfo<T> type)
    {
        try
        {
            using FileStream stream = File.Create(path);
            JsonSerializer.Serialize(stream, value, type);
            stream.WriteByte((byte)'\n');
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, cause);
        }
    }

    static T Read<T>(string path, string what, JsonTypeInfo<T> type)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return JsonSerializer.Deserialize(stream, type) ?? throw new UserErrorException($"{path}: {what} is expected.");
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserErrorException($"{path}: there is no such file.", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {cause.Message}", cause);
        }
        catch (JsonException cause)
        {
            throw new UserErrorException($"{path}: not {what}: {JsonFault.Describe(cause)}", cause);
        }
    }
}

/// <summary>How the files' types become JSON, made when the library is compiled.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = false,
    WriteIndented = true,
    IgnoreReadOnlyProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    Converters = [typeof(SnakeCaseEnum<PlanLevel>), typeof(SnakeCaseEnum<PlanObjective>)])]
[JsonSerializable(typeof(EnergyProfile))]
[JsonSerializable(typeof(ClockPlan))]
internal sealed partial class EnergyJsonContext : JsonSerializerContext;

/// <summary>An enumeration's names in snake_case.</summary>
internal sealed class SnakeCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) where T : struct, Enum;

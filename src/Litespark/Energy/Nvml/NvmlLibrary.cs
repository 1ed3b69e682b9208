using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Litespark.Energy.Nvml;

/// <summary>
/// NVIDIA's management library, initialised; closing shuts it down. The signatures, codes and layouts are those of NVIDIA's
/// NVML API reference. A function that the installed driver lacks returns <see cref="NvmlReturn.FunctionNotFound"/>, as NVML
/// itself has it. NVML is thread-safe; the owner keeps this object alive while it calls.
/// </summary>
internal sealed unsafe class NvmlLibrary : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>The largest name and UUID that NVML writes, zero included (<c>NVML_DEVICE_NAME_V2_BUFFER_SIZE</c>, <c>NVML_DEVICE_UUID_V2_BUFFER_SIZE</c>).</summary>
    const int TextBytes = 96;

    const uint TemperatureGpu = 0;

    readonly string name;
    readonly delegate* unmanaged<NvmlReturn> shutdown;
    readonly delegate* unmanaged<NvmlReturn, byte*> errorString;
    readonly delegate* unmanaged<uint*, NvmlReturn> getCount;
    readonly delegate* unmanaged<uint, nint*, NvmlReturn> getHandleByIndex;
    readonly delegate* unmanaged<byte*, nint*, NvmlReturn> getHandleByUuid, getHandleByPciBusId;
    readonly delegate* unmanaged<nint, byte*, uint, NvmlReturn> getName, getUuid;
    readonly delegate* unmanaged<nint, ulong*, NvmlReturn> getTotalEnergy;
    readonly delegate* unmanaged<nint, uint*, NvmlReturn> getPowerUsage, getEnforcedPowerLimit;
    readonly delegate* unmanaged<nint, int, NvmlFieldValue*, NvmlReturn> getFieldValues;
    readonly delegate* unmanaged<nint, uint, uint*, NvmlReturn> getClockInfo, getTemperature;
    readonly delegate* unmanaged<nint, uint*, uint*, NvmlReturn> getMigMode;
    readonly delegate* unmanaged<nint, uint, uint, NvmlReturn> setCoreClocks, setMemoryClocks;
    readonly delegate* unmanaged<nint, NvmlReturn> resetCoreClocks, resetMemoryClocks;
    readonly delegate* unmanaged<nint, uint*, uint*, NvmlReturn> getMemoryClocks;
    readonly delegate* unmanaged<nint, uint, uint*, uint*, NvmlReturn> getCoreClocks;
    readonly bool isInitialized;

    NvmlLibrary(nint library, string name)
        : base(ownsHandle: true)
    {
        SetHandle(library);
        this.name = name;
        try
        {
            var init = (delegate* unmanaged<NvmlReturn>)Needed("nvmlInit_v2");
            shutdown = (delegate* unmanaged<NvmlReturn>)Needed("nvmlShutdown");
            errorString = (delegate* unmanaged<NvmlReturn, byte*>)Needed("nvmlErrorString");
            getCount = (delegate* unmanaged<uint*, NvmlReturn>)Needed("nvmlDeviceGetCount_v2");
            getHandleByIndex = (delegate* unmanaged<uint, nint*, NvmlReturn>)Needed("nvmlDeviceGetHandleByIndex_v2");
            getHandleByUuid = (delegate* unmanaged<byte*, nint*, NvmlReturn>)Needed("nvmlDeviceGetHandleByUUID");
            getHandleByPciBusId = (delegate* unmanaged<byte*, nint*, NvmlReturn>)Needed("nvmlDeviceGetHandleByPciBusId_v2");
            getName = (delegate* unmanaged<nint, byte*, uint, NvmlReturn>)Needed("nvmlDeviceGetName");
            getUuid = (delegate* unmanaged<nint, byte*, uint, NvmlReturn>)Needed("nvmlDeviceGetUUID");
            getTotalEnergy = (delegate* unmanaged<nint, ulong*, NvmlReturn>)Optional("nvmlDeviceGetTotalEnergyConsumption");
            getPowerUsage = (delegate* unmanaged<nint, uint*, NvmlReturn>)Optional("nvmlDeviceGetPowerUsage");
            getEnforcedPowerLimit = (delegate* unmanaged<nint, uint*, NvmlReturn>)Optional("nvmlDeviceGetEnforcedPowerLimit");
            getFieldValues = (delegate* unmanaged<nint, int, NvmlFieldValue*, NvmlReturn>)Optional("nvmlDeviceGetFieldValues");
            getClockInfo = (delegate* unmanaged<nint, uint, uint*, NvmlReturn>)Optional("nvmlDeviceGetClockInfo");
            getTemperature = (delegate* unmanaged<nint, uint, uint*, NvmlReturn>)Optional("nvmlDeviceGetTemperature");
            getMigMode = (delegate* unmanaged<nint, uint*, uint*, NvmlReturn>)Optional("nvmlDeviceGetMigMode");
            setCoreClocks = (delegate* unmanaged<nint, uint, uint, NvmlReturn>)Optional("nvmlDeviceSetGpuLockedClocks");
            setMemoryClocks = (delegate* unmanaged<nint, uint, uint, NvmlReturn>)Optional("nvmlDeviceSetMemoryLockedClocks");
            resetCoreClocks = (delegate* unmanaged<nint, NvmlReturn>)Optional("nvmlDeviceResetGpuLockedClocks");
            resetMemoryClocks = (delegate* unmanaged<nint, NvmlReturn>)Optional("nvmlDeviceResetMemoryLockedClocks");
            getMemoryClocks = (delegate* unmanaged<nint, uint*, uint*, NvmlReturn>)Optional("nvmlDeviceGetSupportedMemoryClocks");
            getCoreClocks = (delegate* unmanaged<nint, uint, uint*, uint*, NvmlReturn>)Optional("nvmlDeviceGetSupportedGraphicsClocks");
            NvmlReturn result = init();
            if (result != NvmlReturn.Success) throw NvmlUnavailableException.Failed("NVML does not start", result, ErrorText(result));
            isInitialized = true;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The library's name on this system.</summary>
    public static string SystemName => OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";

    /// <summary>Loads and initialises the library.</summary>
    /// <param name="path">A file, or null for the system's.</param>
    /// <exception cref="NvmlUnavailableException">It is missing, too old, or does not start.</exception>
    public static NvmlLibrary Open(string? path)
    {
        path ??= SystemName;
        return NativeLibrary.TryLoad(path, out nint library) ? new NvmlLibrary(library, path) : throw NvmlUnavailableException.NoLibrary(path);
    }

    /// <summary>GPUs of the machine, those included that may not be used.</summary>
    public NvmlReturn Count(out int count)
    {
        uint value = 0;
        NvmlReturn result = getCount(&value);
        count = (int)value;
        return result;
    }

    /// <summary>A GPU by its place in the order of the bus.</summary>
    public NvmlReturn ByIndex(int index, out nint device)
    {
        fixed (nint* pointer = &device) return getHandleByIndex((uint)index, pointer);
    }

    /// <summary>A GPU by its whole UUID, <c>GPU-</c> included.</summary>
    public NvmlReturn ByUuid(string uuid, out nint device) => ByText(getHandleByUuid, uuid, out device);

    /// <summary>A GPU by its place on the bus: <c>0000:41:00.0</c>.</summary>
    public NvmlReturn ByPciBusId(string busId, out nint device) => ByText(getHandleByPciBusId, busId, out device);

    /// <summary>The maker's name of a GPU.</summary>
    public NvmlReturn Name(nint device, out string text) => Text(getName, device, out text);

    /// <summary>A GPU's UUID.</summary>
    public NvmlReturn Uuid(nint device, out string text) => Text(getUuid, device, out text);

    /// <summary>Millijoules since the driver was loaded (Volta and newer).</summary>
    public NvmlReturn TotalEnergy(nint device, out ulong millijoules)
    {
        millijoules = 0;
        if (getTotalEnergy is null) return NvmlReturn.FunctionNotFound;
        fixed (ulong* pointer = &millijoules) return getTotalEnergy(device, pointer);
    }

    /// <summary>Milliwatts: now on GA100 and older, the mean of the last second on newer GPUs.</summary>
    public NvmlReturn PowerUsage(nint device, out uint milliwatts) => Number(getPowerUsage, device, out milliwatts);

    /// <summary>Milliwatts now.</summary>
    public NvmlReturn InstantPower(nint device, out double milliwatts)
    {
        milliwatts = 0;
        if (getFieldValues is null) return NvmlReturn.FunctionNotFound;
        var field = new NvmlFieldValue { FieldId = NvmlFieldValue.PowerInstant };
        NvmlReturn result = getFieldValues(device, 1, &field);
        if (result != NvmlReturn.Success) return result;
        if (field.Return != NvmlReturn.Success) return field.Return;
        milliwatts = field.Value;
        return milliwatts >= 0 ? NvmlReturn.Success : NvmlReturn.NotSupported;
    }

    /// <summary>The lowest of all power limits that hold for a GPU, in milliwatts.</summary>
    public NvmlReturn EnforcedPowerLimit(nint device, out uint milliwatts) => Number(getEnforcedPowerLimit, device, out milliwatts);

    /// <summary>A clock now, in MHz.</summary>
    public NvmlReturn ClockInfo(nint device, NvmlClock clock, out uint megahertz) => Number(getClockInfo, device, (uint)clock, out megahertz);

    /// <summary>The chip's temperature in °C.</summary>
    public NvmlReturn Temperature(nint device, out uint celsius) => Number(getTemperature, device, TemperatureGpu, out celsius);

    /// <summary>Whether a GPU is cut into instances; GPUs and drivers that know none return an error.</summary>
    public NvmlReturn MigMode(nint device, out bool isOn)
    {
        isOn = false;
        if (getMigMode is null) return NvmlReturn.FunctionNotFound;
        uint current = 0, pending = 0;
        NvmlReturn result = getMigMode(device, &current, &pending);
        isOn = result == NvmlReturn.Success && current == 1;
        return result;
    }

    /// <summary>Keeps a clock between two frequencies in MHz until it is freed or the driver is loaded anew; for root alone.</summary>
    public NvmlReturn LockClock(nint device, NvmlClock clock, uint least, uint most)
    {
        var function = clock == NvmlClock.Memory ? setMemoryClocks : setCoreClocks;
        return function is null ? NvmlReturn.FunctionNotFound : function(device, least, most);
    }

    /// <summary>Leaves a clock to the GPU again.</summary>
    public NvmlReturn FreeClock(nint device, NvmlClock clock)
    {
        var function = clock == NvmlClock.Memory ? resetMemoryClocks : resetCoreClocks;
        return function is null ? NvmlReturn.FunctionNotFound : function(device);
    }

    /// <summary>The memory's clocks in MHz, in NVML's order.</summary>
    public NvmlReturn MemoryClocks(nint device, out uint[] megahertz)
    {
        megahertz = [];
        if (getMemoryClocks is null) return NvmlReturn.FunctionNotFound;
        uint count = 0;
        NvmlReturn result = getMemoryClocks(device, &count, null);
        if (result is not (NvmlReturn.Success or NvmlReturn.InsufficientSize)) return result;
        megahertz = new uint[count];
        fixed (uint* values = megahertz) return getMemoryClocks(device, &count, values);
    }

    /// <summary>The core's clocks in MHz at a clock of the memory, in NVML's order.</summary>
    public NvmlReturn CoreClocks(nint device, uint memory, out uint[] megahertz)
    {
        megahertz = [];
        if (getCoreClocks is null) return NvmlReturn.FunctionNotFound;
        uint count = 0;
        NvmlReturn result = getCoreClocks(device, memory, &count, null);
        if (result is not (NvmlReturn.Success or NvmlReturn.InsufficientSize)) return result;
        megahertz = new uint[count];
        fixed (uint* values = megahertz) return getCoreClocks(device, memory, &count, values);
    }

    /// <summary>NVML's words for what it returned.</summary>
    public string ErrorText(NvmlReturn result) => Marshal.PtrToStringUTF8((nint)errorString(result)) is { Length: > 0 } text ? text : $"error {(int)result}";

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        if (isInitialized) shutdown();
        NativeLibrary.Free(handle);
        return true;
    }

    static NvmlReturn Number(delegate* unmanaged<nint, uint*, NvmlReturn> function, nint device, out uint value)
    {
        value = 0;
        if (function is null) return NvmlReturn.FunctionNotFound;
        fixed (uint* pointer = &value) return function(device, pointer);
    }

    static NvmlReturn Number(delegate* unmanaged<nint, uint, uint*, NvmlReturn> function, nint device, uint kind, out uint value)
    {
        value = 0;
        if (function is null) return NvmlReturn.FunctionNotFound;
        fixed (uint* pointer = &value) return function(device, kind, pointer);
    }

    static NvmlReturn Text(delegate* unmanaged<nint, byte*, uint, NvmlReturn> function, nint device, out string text)
    {
        byte* buffer = stackalloc byte[TextBytes];
        NvmlReturn result = function(device, buffer, TextBytes);
        text = result == NvmlReturn.Success ? Marshal.PtrToStringUTF8((nint)buffer)! : "";
        return result;
    }

    static NvmlReturn ByText(delegate* unmanaged<byte*, nint*, NvmlReturn> function, string text, out nint device)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + '\0');
        fixed (byte* first = bytes)
        fixed (nint* pointer = &device) return function(first, pointer);
    }

    nint Needed(string function) => NativeLibrary.TryGetExport(handle, function, out nint address) ? address : throw NvmlUnavailableException.TooOld(name, function);

    nint Optional(string function) => NativeLibrary.TryGetExport(handle, function, out nint address) ? address : 0;
}

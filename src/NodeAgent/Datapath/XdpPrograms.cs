using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>The loaded XDP programs, which work by the maps of the programs at TC.</summary>
internal sealed class XdpPrograms : IDisposable
{
    /// <summary>Name of the program that only drivers run.</summary>
    internal const string NativeName = "cv_xdp";

    private readonly BpfObject _object;

    private XdpPrograms(BpfObject loaded)
    {
        _object = loaded;
        Native = loaded.GetProgram(NativeName);
        Generic = loaded.GetProgram("cv_xdp_generic");
    }

    /// <summary>For drivers: puts headers in.</summary>
    internal BpfProgram Native { get; }

    /// <summary>For devices whose driver has no XDP: refuses only.</summary>
    internal BpfProgram Generic { get; }

    /// <summary>Loads the object with the pinned maps.</summary>
    /// <param name="path">The compiled object.</param>
    /// <param name="pins">Where the maps are.</param>
    /// <param name="checksum">Whether headers carry a CRC32C.</param>
    /// <exception cref="BpfException">The file is missing, or the kernel refused it.</exception>
    internal static XdpPrograms Load(string path, PinFolder pins, bool checksum = false)
    {
        BpfObject loading = BpfObject.OpenFile(path);
        try
        {
            foreach (string map in loading.MapNames.Where(m => File.Exists(pins.Map(m)))) loading.ReuseMap(map, pins.Map(map));
            loading.SetConfig("cv_cfg_udp_crc", (byte)(checksum ? 1 : 0));
            loading.Load();
            return new XdpPrograms(loading);
        }
        catch
        {
            loading.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Native.Dispose();
        Generic.Dispose();
        _object.Dispose();
    }
}

using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Tests.Shared;

namespace Culvert.Interop.Tests.Support;

/// <summary>
/// The compiled test programs, a BPF file system and a network namespace of their own, removed at the end. Without root or
/// a compiler, <see cref="Need"/> skips the test that asks.
/// </summary>
public sealed class KernelFixture : IDisposable
{
    private static int s_count;

    private readonly string _folder = Directory.CreateTempSubdirectory("cv-interop-").FullName;
    private readonly string _namespace = $"cv-in{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly Lazy<byte[]> _object;
    private NetworkNamespace? _network;

    public KernelFixture() => _object = new Lazy<byte[]>(Compile);

    /// <summary>An empty folder on the fixture's own BPF file system.</summary>
    public string NewPinFolder() => Directory.CreateDirectory(Path.Combine(PinRoot, Guid.NewGuid().ToString("N"))).FullName;

    public NetworkNamespace Network => _network ??= NetworkNamespace.Create(_namespace);

    public string PinRoot
    {
        get
        {
            string path = Path.Combine(_folder, "bpffs");
            BpfFs.Mount(path);
            return path;
        }
    }

    public static void Need()
    {
        Requires.Root();
        Requires.Tool("clang");
    }

    public BpfObject Open() => BpfObject.Open(_object.Value, "cv_test");

    public void Dispose()
    {
        if (_network is not null)
        {
            _network.Dispose();
            NetworkNamespace.Delete(_namespace);
        }
        string pins = Path.Combine(_folder, "bpffs");
        if (BpfFs.IsMounted(pins)) BpfFs.Unmount(pins);
        Directory.Delete(_folder, recursive: true);
    }

    private byte[] Compile()
    {
        string output = Path.Combine(_folder, "cv_test.bpf.o");
        string multiarch = Command.Run("gcc", "-print-multiarch").Trim();
        Command.Run("clang", "-O2", "-g", "-target", "bpf", "-idirafter", $"/usr/include/{multiarch}",
            "-c", Repository.PathOf("tests/Interop.Tests/Bpf/interop_test.bpf.c"), "-o", output);
        return File.ReadAllBytes(output);
    }
}

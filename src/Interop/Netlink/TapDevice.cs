using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>
/// An Ethernet interface whose wire is this process: what the kernel sends out of it is read here, what is written here the kernel receives. It ends with the
/// handle. Never blocks. One thread may read while another writes.
/// </summary>
public sealed unsafe class TapDevice : FileDescriptorHandle
{
    private const string Path = "/dev/net/tun";

    private TapDevice(int descriptor, string name)
        : base(descriptor) => Name = name;

    /// <summary>Name of the interface.</summary>
    public string Name { get; }

    /// <summary>Makes an interface in the network namespace of the calling thread; it is down.</summary>
    /// <param name="name">Its name, 1 to 15 bytes.</param>
    /// <exception cref="KernelException">EPERM without CAP_NET_ADMIN, EBUSY when the name is taken, ENOENT without the tun driver.</exception>
    public static TapDevice Create(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Encoding.UTF8.GetByteCount(name), Libc.IFNAMSIZ, nameof(name));
        int fd = Libc.open_existing(Path, LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
        if (fd < 0) throw new KernelException($"open {Path}", Marshal.GetLastPInvokeError());
        TapDevice device = new(fd, name);
        byte* request = stackalloc byte[Libc.InterfaceRequestLength];
        new Span<byte>(request, Libc.InterfaceRequestLength).Clear();
        Encoding.UTF8.GetBytes(name, new Span<byte>(request, Libc.IFNAMSIZ));
        *(ushort*)(request + Libc.IFNAMSIZ) = Libc.IFF_TAP | Libc.IFF_NO_PI;
        if (LibC.ioctl(fd, Libc.TUNSETIFF, (void*)request) == 0) return device;
        int errno = Marshal.GetLastPInvokeError();
        device.Dispose();
        throw new KernelException($"create tap device '{name}'", errno);
    }

    /// <summary>Takes the next frame that the kernel has sent.</summary>
    /// <param name="frame">Room for the largest frame; what is beyond it is cut off.</param>
    /// <returns>Its length, or why there is none (WouldBlock: nothing was sent).</returns>
    public IoResult Read(Span<byte> frame)
    {
        fixed (byte* start = frame)
        {
            long length = LibC.read((int)handle, start, frame.Length);
            return length < 0 ? IoResult.Failed(Marshal.GetLastPInvokeError()) : new IoResult((int)length, SocketErrno.None);
        }
    }

    /// <summary>Has the kernel receive a frame.</summary>
    /// <param name="frame">From the Ethernet header on, without a checksum.</param>
    /// <returns>Its length, or why it was not taken (as EIO, 5: the interface is down).</returns>
    public IoResult Write(ReadOnlySpan<byte> frame)
    {
        fixed (byte* start = frame)
        {
            long length = LibC.write((int)handle, start, frame.Length);
            return length < 0 ? IoResult.Failed(Marshal.GetLastPInvokeError()) : new IoResult((int)length, SocketErrno.None);
        }
    }
}

using System.Net.Sockets;

namespace Culvert.GrpcHosting;

/// <summary>The path of a Unix socket that a server is going to listen on.</summary>
public static class UnixSocketPath
{
    /// <summary>Mode 0600.</summary>
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a socket at a path, after <see cref="Clear"/>; the caller listens and disposes of it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="mode">Its mode; to connect takes the right to write.</param>
    /// <exception cref="IOException">As of <see cref="Clear"/>, or the mode can't be set.</exception>
    /// <exception cref="SocketException">The socket can't be bound.</exception>
    public static Socket Bind(string path, UnixFileMode mode = OwnerOnly)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("The mode of a Unix socket can't be set on Windows.");
        }

        Clear(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));

            // Until listen() nobody can connect, so there is no moment at which others could.
            File.SetUnixFileMode(path, mode);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Removes a socket file that a server which is gone has left behind; a path where nothing is stays as it is.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="IOException">Another server listens there, it is something else than a socket, or there is no folder for it.</exception>
    public static void Clear(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            // bind(2) would say of such a path that the address can't be assigned.
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder)) throw new DirectoryNotFoundException($"Cannot listen on '{path}': its folder is not there.");
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && new FileInfo(path).Length == 0)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new IOException($"Cannot listen on '{path}': it exists and is not a socket that was left behind ({e.SocketErrorCode}).", e);
        }

        throw new IOException($"Cannot listen on '{path}': another process listens there.");
    }
}

using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Culvert.GrpcHosting;
using Culvert.Interop;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// A Unix socket, mode 0777, in a folder that others may be able to write in: a pod that has the folder mounted so can remove it and put anything in its place, but neither keep the agent from having its own there again, nor have
/// something else changed by a symbolic link. It is made in a folder of the agent's own beside that, mode 0700, and gets its name in the other one by link(2) and rename(2), which follow no link and put away whatever is there.
/// For one thread at a time.
/// </summary>
internal sealed class PlacedSocket : IDisposable
{
    private const string OwnPrefix = ".cvwapi-";
    private const string FileName = "s";
    private const string NextName = "n";
    private const int RandomBytes = 4;

    private const UnixFileMode FolderMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode OwnMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // To connect takes the right to write.
    private const UnixFileMode ForAll =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _path;
    private readonly string _own;
    private ulong _inode;

    /// <summary>Makes both folders, and removes what agents have left that were killed.</summary>
    /// <param name="path">Where the socket is to be: a file in a folder that has another one above it.</param>
    /// <exception cref="IOException">A folder can't be made; so is <see cref="UnauthorizedAccessException"/>.</exception>
    internal PlacedSocket(string path)
    {
        _path = path;
        string folder = Path.GetDirectoryName(path)!, above = Path.GetDirectoryName(folder)!;
        Directory.CreateDirectory(folder, FolderMode);
        RemoveLeft(above);
        _own = Path.Combine(above, OwnPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes)));
        Directory.CreateDirectory(_own, OwnMode);
    }

    private string Made => Path.Combine(_own, FileName);

    /// <summary>What is wrong with a path; null: nothing.</summary>
    /// <param name="path">Where the socket is to be.</param>
    /// <param name="longest">Most bytes that a Unix socket's path has.</param>
    internal static string? Check(string path, int longest)
    {
        if (Encoding.UTF8.GetByteCount(path) > longest) return $"is longer than {longest} bytes, which is the longest path of a Unix socket";
        if (Path.GetDirectoryName(path) is not { } folder || Path.GetDirectoryName(folder) is not { } above) return "is in the root folder; it needs a folder of its own, which applications are given";
        int own = Encoding.UTF8.GetByteCount(Path.Combine(above, OwnPrefix, FileName)) + (2 * RandomBytes);
        return own > longest ? "is in a folder whose own one has a path too long for the socket that is made there first" : null;
    }

    /// <summary>Makes the socket, which nobody finds before <see cref="Put"/>; the caller listens and disposes of it, before this object.</summary>
    /// <exception cref="IOException">The mode can't be set, or it can't be looked at; so is <see cref="SocketException"/>.</exception>
    internal Socket Bind()
    {
        Socket socket = UnixSocketPath.Bind(Made, ForAll);
        _inode = FileStatus.Of(Made)?.Inode ?? 0;
        return socket;
    }

    /// <summary>Whether it is where it is to be, and everybody may connect.</summary>
    /// <exception cref="IOException">It can't be looked at.</exception>
    internal bool IsInPlace() => IsThere() && File.GetUnixFileMode(Made) == ForAll;

    /// <summary>Puts it there, in place of whatever is. A folder is only moved aside: it may have any size.</summary>
    /// <exception cref="IOException">The kernel refused; so is <see cref="UnauthorizedAccessException"/>.</exception>
    internal void Put()
    {
        string next = Path.Combine(_own, NextName);
        File.Delete(next);

        // Whoever may write in the folder may be its owner, too: it is one socket, by either name.
        File.SetUnixFileMode(Made, ForAll);
        HardLink.Make(Made, next);
        try
        {
            File.Move(next, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!Directory.Exists(_path)) throw new IOException($"{e.Message} (the folder of {_path} and the one above it have to be in one mount)", e);
            Directory.Move(_path, $"{_path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes))}");
            File.Move(next, _path, overwrite: true);
        }
    }

    /// <summary>Takes it away, unless something else is in its place.</summary>
    public void Dispose()
    {
        try
        {
            if (_inode != 0 && IsThere()) File.Delete(_path);
            Directory.Delete(_own, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is left nobody answers at, and the next agent removes it.
            return;
        }
    }

    private bool IsThere() => FileStatus.Of(_path) is { } there && there.Inode == _inode;

    private static void RemoveLeft(string above)
    {
        if (!Directory.Exists(above)) return;
        foreach (string left in Directory.EnumerateDirectories(above, OwnPrefix + "*"))
        {
            try
            {
                if (!IsServed(Path.Combine(left, FileName))) Directory.Delete(left, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // it is in nobody's way
            }
        }
    }

    private static bool IsServed(string socket)
    {
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

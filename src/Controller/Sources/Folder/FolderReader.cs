using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Documents;
using Culvert.Interop;
using Microsoft.Win32.SafeHandles;

namespace Culvert.Controller.Sources.Folder;

/// <summary>Reads the YAML and JSON files of a folder and its subfolders. Names that begin with a dot are left out, so a mounted ConfigMap's
/// hidden versions are seen once, through the links that lead to them.</summary>
/// <remarks>
/// The folder is read every few seconds for as long as a controller runs, mostly to find nothing new: a file whose bytes are the same is not decoded again and gives the same
/// <see cref="SourceFile"/>. Not safe for several threads.
/// </remarks>
internal sealed class FolderReader(string folder)
{
    /// <summary>Longest file read, in bytes.</summary>
    public const int MaxFileSize = 16 * 1024 * 1024;

    private const int LongestPath = 4095; // PATH_MAX of linux/limits.h, without the zero at its end

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, (byte[] Digest, SourceFile File)> _known = new(StringComparer.Ordinal);
    private readonly byte[] _digest = new byte[SHA256.HashSizeInBytes];

    /// <summary>Reads all files; one that can't be read is in the result with the reason.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder is not there.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be read.</exception>
    public IReadOnlyList<SourceFile> Read()
    {
        var files = new List<SourceFile>(_known.Count);
        Collect(new DirectoryInfo(folder), "", files);
        if (_known.Count > files.Count)
        {
            HashSet<string> names = files.Select(f => f.Name).ToHashSet(StringComparer.Ordinal);
            foreach (string gone in _known.Keys.Where(n => !names.Contains(n)).ToArray()) _known.Remove(gone);
        }
        return files;
    }

    /// <summary>Collects what is in a folder. A subfolder that can't be read is an entry of the result, named with a <c>/</c> at its end, and takes no other with it.</summary>
    private void Collect(DirectoryInfo folder, string prefix, List<SourceFile> files)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (entry.Name.StartsWith('.')) continue;
            if (entry is DirectoryInfo sub)
            {
                CollectBelow(sub, $"{prefix}{sub.Name}/", files);
            }
            else if (DocumentReader.Extensions.Contains(entry.Extension))
            {
                files.Add(ReadFile(entry.FullName, prefix + entry.Name));
            }
        }
    }

    private void CollectBelow(DirectoryInfo sub, string prefix, List<SourceFile> files)
    {
        // The runtime cuts such a path, or says that there is nothing.
        if (Encoding.UTF8.GetByteCount(folder) + Encoding.UTF8.GetByteCount(prefix) > LongestPath)
        {
            files.Add(new(prefix, null, "can't be read: its path is longer than the system allows"));
            return;
        }
        try
        {
            if (sub.LinkTarget is null) Collect(sub, prefix, files);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The messages of the runtime repeat the path.
            string reason = e switch
            {
                UnauthorizedAccessException => "permission denied",
                DirectoryNotFoundException => "it went while it was looked at",
                _ => e.Message,
            };
            files.Add(new(prefix, null, $"can't be read: {reason}"));
        }
    }

    private SourceFile ReadFile(string path, string name)
    {
        try
        {
            using SafeFileHandle? file = RegularFile.TryOpen(path);
            if (file is null) return new(name, null, "is not a regular file");
            long length = RandomAccess.GetLength(file);
            if (length > MaxFileSize) return new(name, null, $"is longer than {MaxFileSize} bytes");

            // A byte more than there is tells a file that grows while it is read.
            byte[] buffer = ArrayPool<byte>.Shared.Rent((int)length + 1);
            try
            {
                int count = 0;
                for (int n; count < buffer.Length && (n = RandomAccess.Read(file, buffer.AsSpan(count), count)) > 0; count += n)
                {
                    // Until its end.
                }
                return count <= length ? Decode(name, buffer.AsSpan(0, count)) : new(name, null, "grew while it was read, and is read again");
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        catch (DecoderFallbackException)
        {
            return new(name, null, "is not UTF-8 text");
        }
        catch (KernelException e)
        {
            return new(name, null, $"can't be read: {Errno.Describe(e.Errno)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(name, null, $"can't be read: {e.Message}");
        }
    }

    private SourceFile Decode(string name, ReadOnlySpan<byte> bytes)
    {
        SHA256.HashData(bytes, _digest);
        if (_known.TryGetValue(name, out (byte[] Digest, SourceFile File) known) && known.Digest.AsSpan().SequenceEqual(_digest)) return known.File;
        SourceFile read = new(name, StrictUtf8.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes));
        _known[name] = ([.. _digest], read);
        return read;
    }
}

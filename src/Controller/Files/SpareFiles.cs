namespace Culvert.Controller.Files;

/// <summary>
/// Files of a page each, made in time, that a small file can be made from when the disk has no byte left: what must be said in an emergency, as that a node is revoked, must not fail
/// for want of room. Their content is overwritten and they are renamed, which takes no room on file systems that write in place (ext4, XFS, tmpfs; not Btrfs or ZFS).
/// </summary>
/// <remarks>Safe for any number of threads and processes: each file is taken by one.</remarks>
internal sealed class SpareFiles(string folder)
{
    private const string Prefix = "spare-";
    private const int Count = 8;
    private const int PageBytes = 4096;

    /// <summary>Makes those that are missing.</summary>
    /// <exception cref="IOException">There is no room, or the folder can't be written.</exception>
    public void Fill()
    {
        for (int i = 0; i < Count; i++)
        {
            string path = Path.Combine(folder, $"{Prefix}{i}");
            if (!File.Exists(path)) PrivateFiles.Write(path, new string('\n', PageBytes));
        }
    }

    /// <summary>Writes a file whole as <see cref="PrivateFiles.Write(string, string)"/> does, out of a spare one where there is no room.</summary>
    /// <exception cref="IOException">It can't be written, and no spare file is left, or the reason was another.</exception>
    public void Write(string path, string content)
    {
        try
        {
            PrivateFiles.Write(path, content);
        }
        catch (IOException)
        {
            if (Take() is not { } spare) throw;
            PrivateFiles.Overwrite(spare, content);
            File.Move(spare, path, overwrite: true);
        }
    }

    /// <summary>The path of a spare file that nobody else takes.</summary>
    private string? Take()
    {
        foreach (string spare in Directory.EnumerateFiles(folder, Prefix + "*"))
        {
            string taken = $"{folder}/taken-{Path.GetFileName(spare)}";
            try
            {
                File.Move(spare, taken);
                return taken;
            }
            catch (FileNotFoundException)
            {
                // Another process was faster.
            }
        }
        return null;
    }
}

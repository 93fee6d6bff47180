using System.Text;

namespace Culvert.Kubernetes.Configuration;

/// <summary>Reads files of which it is known how large they may be. What is read counts, not what the file's entry says: it may be a link, or a pipe.</summary>
internal static class BoundedFile
{
    /// <summary>Reads a file to its end.</summary>
    /// <exception cref="IOException">It can't be read, or is too large.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static string ReadText(string path, int longest)
    {
        using var reader = new StreamReader(path);
        var text = new StringBuilder();
        char[] buffer = new char[4096];
        while (reader.Read(buffer) is > 0 and var count)
        {
            text.Append(buffer, 0, count);
            if (text.Length > longest) throw new IOException($"'{path}' is larger than {longest} bytes");
        }
        return text.ToString();
    }
}

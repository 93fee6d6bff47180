using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Keeps the bundles of other trust domains in 0600 files, of a controller that is alone.</summary>
/// <param name="folder">Where; made with mode 0700 when something is kept.</param>
internal sealed class BundleStore(string folder) : IBundleStore
{
    private const string Ending = ".json";

    // With an ending and a temporary name behind it a file's name has 255 bytes at most, and a trust domain may have as many.
    private const int LongestName = 160;

    /// <inheritdoc/>
    public KeptBundle? Load(string trustDomain)
    {
        string path = PathOf(trustDomain);
        if (!File.Exists(path)) return null;
        try
        {
            return KeptBundle.Read(PrivateFiles.ReadSealed(path));
        }
        catch (Exception e) when (e is DamagedFileException or InvalidDataException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public KeptBundle? FindAtOtherController(string trustDomain) => null;

    /// <inheritdoc/>
    public void Save(string trustDomain, KeptBundle bundle)
    {
        PrivateFiles.EnsureFolder(folder);
        PrivateFiles.WriteSealed(PathOf(trustDomain), file => file.Write(bundle.Write()));
    }

    /// <inheritdoc/>
    public void Uphold(string trustDomain, KeptBundle bundle)
    {
        // Nobody else writes here.
    }

    /// <inheritdoc/>
    public void Forget(string trustDomain)
    {
        string path = PathOf(trustDomain);
        if (File.Exists(path)) File.Delete(path);
    }

    /// <inheritdoc/>
    public void ForgetAllBut(IReadOnlyCollection<string> trustDomains)
    {
        if (!Directory.Exists(folder)) return;
        HashSet<string> kept = [.. trustDomains.Select(PathOf)];
        foreach (string path in Directory.EnumerateFiles(folder, "*" + Ending).Where(p => !kept.Contains(p)).ToArray()) File.Delete(path);
    }

    // A trust domain may be '..', which with an ending is a name like others.
    private string PathOf(string trustDomain) =>
        Path.Combine(folder, trustDomain.Length <= LongestName ? $"{trustDomain}{Ending}" : $"+{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(trustDomain)))}{Ending}");
}

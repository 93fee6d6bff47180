namespace Culvert.Controller.Identity;

/// <summary>Files by which an authority signs, or is asked to: nobody else may open them.</summary>
internal static class SecretFile
{
    private const UnixFileMode ByOthers = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes sure that only the owner and the group may open a file: that is how a cluster gives Secrets to those who are not root.</summary>
    /// <exception cref="AuthorityException">Others may, or it can't be looked at.</exception>
    public static void RequirePrivate(string path)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("Culvert runs on Linux.");
        UnixFileMode mode;
        try
        {
            mode = File.GetUnixFileMode(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{path} can't be read: {e.Message}", e);
        }
        if ((mode & ByOthers) != UnixFileMode.None)
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{path} is a secret that everybody may open (mode 0{Convert.ToString((int)mode, 8)}): chmod 0600 it, or set defaultMode: 0440 of a Secret's volume.");
    }
}

using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.ClusterTests.Support;

/// <summary>An image with busybox alone, as an archive that `ctr images import` takes (of docker's form).</summary>
internal static class BoxImage
{
    private static readonly string[] Applets = ["cat", "chmod", "date", "echo", "false", "grep", "head", "httpd", "kill", "mkdir", "nc", "printf", "rm", "sh", "sleep", "test", "touch", "true", "wc"];

    /// <param name="path">Where it is written.</param>
    /// <param name="name">Its name with a tag.</param>
    /// <param name="busybox">The program, linked statically.</param>
    public static void Write(string path, string name, string busybox)
    {
        var layer = new MemoryStream();
        using (var tar = new TarWriter(layer, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var folder in new[] { "bin/", "tmp/" }) tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, folder) { Mode = (UnixFileMode)0x1ff });
            using var program = File.OpenRead(busybox);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "bin/busybox") { Mode = (UnixFileMode)0x1ed, DataStream = program });
            foreach (var applet in Applets) tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "bin/" + applet) { LinkName = "busybox" });
        }

        var digest = Convert.ToHexStringLower(SHA256.HashData(layer.ToArray()));
        var architecture = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";
        var configuration = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$$"""
            {"architecture":"{{{architecture}}}","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sleep","2147483647"]},"rootfs":{"type":"layers","diff_ids":["sha256:{{{digest}}}"]}}
            """));
        var configurationName = Convert.ToHexStringLower(SHA256.HashData(configuration)) + ".json";
        using var archive = new TarWriter(File.Create(path), TarEntryFormat.Ustar);
        Add(configurationName, configuration);
        Add("layer.tar", layer.ToArray());
        Add("manifest.json", Encoding.UTF8.GetBytes($$"""[{"Config":"{{configurationName}}","RepoTags":["{{name}}"],"Layers":["layer.tar"]}]"""));

        void Add(string entry, byte[] bytes) => archive.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, entry) { DataStream = new MemoryStream(bytes) });
    }
}

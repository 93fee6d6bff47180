using System.Reflection;
using YamlDotNet.RepresentationModel;

namespace Culvert.Cli.Installation;

/// <summary>The files of <c>deploy</c>, which the program has in itself, as their <c>kustomization.yaml</c> puts them together.</summary>
internal static class DeployFiles
{
    /// <summary>The objects of a folder, in its order.</summary>
    /// <param name="folder">E.g. <c>crds</c>.</param>
    public static IEnumerable<Manifest> Objects(string folder) => List(folder, "resources").SelectMany(file => Manifest.Read(Text(folder, file)));

    /// <summary>Changes an object as the operations of a folder's file have it (RFC 6902: add, replace and remove, of members of objects, and test, of texts).</summary>
    public static void Patch(Manifest manifest, string folder, string file)
    {
        foreach (var operation in (YamlSequenceNode)Load(folder, file))
        {
            var path = operation["path"].ToString().TrimStart('/');
            switch (operation["op"].ToString())
            {
                case "remove":
                    manifest.Remove(path);
                    break;
                case "test":
                    if (manifest.Find(path)?.ToString() != operation["value"].ToString()) throw new InvalidOperationException($"deploy/{folder}/{file}: {path} of {manifest} is not {operation["value"]}");
                    break;
                case "add" or "replace":
                    manifest.Set(path, operation["value"]);
                    break;
                case var other:
                    throw new InvalidOperationException($"deploy/{folder}/{file}: operation {other} is not known here");
            }
        }
    }

    /// <summary>Names of a list in a folder's <c>kustomization.yaml</c>.</summary>
    private static IEnumerable<string> List(string folder, string list) =>
        ((YamlSequenceNode)Load(folder, "kustomization.yaml")[list]).Select(n => n.ToString());

    private static YamlNode Load(string folder, string file)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Text(folder, file)));
        return stream.Documents[0].RootNode;
    }

    private static string Text(string folder, string file)
    {
        var name = $"deploy/{folder}/{file}";
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"the program was built without {name}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}

using System.Globalization;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;

namespace Culvert.Controller.Tests;

/// <summary>A source as a cluster's will be: a list of each kind, then a watch with resource versions, and a list anew when the watch has missed something.</summary>
internal sealed class ApiObjects(ApiStatuses statuses, params string[] kinds) : IObjectSource
{
    private readonly HashSet<string> _unlisted = [.. kinds];
    private readonly Dictionary<string, Declaration> _objects = new(StringComparer.Ordinal);
    private IObjectSink? _sink;
    private int _version;

    public string Name => "api";

    public IStatusSink Status => statuses;

    public void Start(IObjectSink sink) => _sink = sink;

    public bool IsDisposed { get; private set; }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }

    /// <summary>Changes an object at the server; nobody has been told yet.</summary>
    public ObjectChange Put(string kind, string name, string spec, string version = "culvert.dev/v1alpha1")
    {
        string path = $"apis/{kind}/{name}";
        ApiOrigin origin = new(path, (++_version).ToString(CultureInfo.InvariantCulture));
        string text = $"{{\"apiVersion\": \"{version}\", \"kind\": \"{kind}\", \"metadata\": {{\"name\": \"{name}\", {(kind == "MeshConfig" ? "" : "\"namespace\": \"shop\", ")}\"resourceVersion\": \"{_version}\"}}, \"spec\": {spec}}}";
        Declaration declaration = Assert.Single(Declaration.Number([ObjectReader.Read(origin, JsonReader.Read(1, text)!)]));
        _objects[path] = declaration;
        return ObjectChange.Declared(declaration);
    }

    /// <summary>Removes an object at the server; nobody has been told yet.</summary>
    public ObjectChange Delete(string kind, string name)
    {
        _objects.Remove($"apis/{kind}/{name}", out Declaration? old);
        return ObjectChange.Removed(old!.Key);
    }

    /// <summary>Events of the watch.</summary>
    public void Watch(params ReadOnlySpan<ObjectChange> events) => _sink!.Apply(new([.. events]) { IsSynced = _unlisted.Count == 0 });

    /// <summary>A list of one kind: the first, or one after 410 Gone.</summary>
    public void List(string kind)
    {
        _unlisted.Remove(kind);
        string list = $"apis/{kind}";
        _sink!.Apply(new([.. _objects.Where(o => o.Key.StartsWith(list + "/", StringComparison.Ordinal)).Select(o => ObjectChange.Declared(o.Value))]) { Replaces = list, IsSynced = _unlisted.Count == 0 });
    }
}

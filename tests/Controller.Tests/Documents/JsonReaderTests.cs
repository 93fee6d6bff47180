using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

public sealed class JsonReaderTests
{
    private static readonly ImmutableSortedDictionary<string, string> None = ImmutableSortedDictionary<string, string>.Empty;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static TheoryData<string> Folders =>
    [
        .. Directory.GetDirectories(Path.Combine(Repository.Root, "tests", "Controller.Tests", "Cases")).Order(StringComparer.Ordinal),
        Path.Combine(Repository.Root, "samples", "standalone"),
    ];

    [Theory]
    [MemberData(nameof(Folders))]
    public void TheSameDocumentGivesTheSameObjectOrTheSameErrors(string folder)
    {
        int compared = 0;
        foreach (SourceFile file in new FolderReader(folder).Read().Where(f => f.Text is not null))
        {
            foreach (SourceDocument yaml in DocumentReader.Read(file.Name, file.Text!).Where(d => d.Value is not null))
            {
                string text = ToJson(yaml.Value!)!.ToJsonString(Indented);
                SourceDocument json = Assert.Single(DocumentReader.Read("a.json", text));
                ReadObject expected = ObjectReader.Read("a.json", yaml), actual = ObjectReader.Read("a.json", json);
                Assert.Equal((expected.Key, expected.Kind), (actual.Key, actual.Kind));
                Assert.Equal(expected.Errors.Select(e => e with { Line = 0 }), actual.Errors.Select(e => e with { Line = 0 }));
                Assert.Equal(Comparable(expected.Object), Comparable(actual.Object));
                Assert.Equal(expected.Object is null, actual.Object is null);
                compared++;
            }
        }
        Assert.True(compared > 0, folder);
    }

    [Fact]
    public void LinesAreThoseOfTheFile()
    {
        const string Text = "{\n  \"apiVersion\": \"culvert.dev/v1alpha1\", \"kind\": \"Workload\",\n  \"metadata\": {\n    \"name\": \"web\"\n  },\n  \"spec\": {\n    \"node\": \"node-1\",\n    \"addresses\": [\n      \"10.0.0.1\",\n      \"nonsense\"\n    ]\n  }\n}\n";
        ObjectSet read = ObjectSetReader.Read([new("web.json", Text)], ObjectSet.Empty);
        Assert.Equal("web.json:10: Workload default/web: spec.addresses[1]: 'nonsense' is not an IP address", Assert.Single(read.Errors).ToString());
    }

    [Theory]
    [InlineData("{\"a\": 1,\n \"b\": [1,\n", 2, "not valid JSON: ")]
    [InlineData("{\"a\": 1}\n{\"b\": 1}\n", 2, "not valid JSON: ")]
    [InlineData("{\"a\": 1,\n\"a\": 2}", 2, "the key 'a' is there twice")]
    [InlineData("{\"a\": \"\\ud800\"}", 1, "not valid JSON: ")]
    [InlineData("{\"a\": 1,\n}", 2, "not valid JSON: The JSON object contains a trailing comma at the end.")]
    [InlineData("{\"a\": [1,\n]}", 2, "not valid JSON: The JSON array contains a trailing comma at the end.")]
    [InlineData("{} // no comments", 1, "not valid JSON: ")]
    public void AnErrorIsOnALineThatIsThere(string text, int line, string reason)
    {
        SourceDocument document = Assert.Single(DocumentReader.Read("a.json", text));
        Assert.Null(document.Value);
        Assert.StartsWith(reason, document.Error, StringComparison.Ordinal);
        Assert.Equal(line, document.ErrorLine);
    }

    [Fact]
    public void DeepNestingIsRefusedInTheSameWordsAsInYaml()
    {
        string text = new string('[', 40) + new string(']', 40);
        string? error = Assert.Single(DocumentReader.Read("a.json", text)).Error;
        Assert.NotNull(error);
        Assert.Equal(Assert.Single(DocumentReader.Read("a.yaml", text)).Error, error);
        Assert.NotNull(Assert.Single(DocumentReader.Read("a.json", new string('[', 200_000))).Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("null")]
    public void AnEmptyFileHoldsNothing(string text) => Assert.Empty(DocumentReader.Read("a.json", text));

    [Theory]
    [InlineData("\"x\"", true)]
    [InlineData("\"1\"", true)]
    [InlineData("\"true\"", true)]
    [InlineData("1", false)]
    [InlineData("-1.5", false)]
    [InlineData("true", false)]
    [InlineData("1e3", false)]
    public void TellsStringsFromOtherScalars(string text, bool isString)
    {
        SourceDocument document = Assert.Single(DocumentReader.Read("a.json", $"{{\"a\": {text}}}"));
        Assert.Equal(isString, Assert.IsType<ScalarNode>(Assert.IsType<MapNode>(document.Value).Find("a")).IsString);
    }

    /// <summary>The object but for where it stands, and its dictionaries as text, since those compare by reference.</summary>
    private static (MeshObject? Object, string Dictionaries) Comparable(MeshObject? read)
    {
        if (read is null) return (null, "");
        MeshObject bare = read with { Meta = read.Meta with { Origin = new FileOrigin("a.json", 0), Labels = None }, Notes = read.Notes.Select(n => n with { Place = "a.json", Line = 0 }).ToEquatableArray() };
        string labels = Text(read.Meta.Labels);
        return bare switch
        {
            AuthorizationPolicyObject policy => (policy with { Policy = policy.Policy with { SourceReference = "" }, Selector = None }, labels + Text(policy.Selector)),
            RateLimitObject limit => (limit with { Policy = limit.Policy with { SourceReference = "" }, Selector = None }, labels + Text(limit.Selector)),
            RequestAuthenticationObject tokens => (tokens with { Authentication = tokens.Authentication with { SourceReference = "" }, Selector = None }, labels + Text(tokens.Selector)),
            PeerAuthenticationObject mode => (mode with { Selector = None }, labels + Text(mode.Selector)),
            ServiceObject service => (service with { Selector = None }, labels + Text(service.Selector)),
            WorkloadObject workload => (workload with { Ports = ImmutableSortedDictionary<string, Core.TransportPort>.Empty }, labels + Text(workload.Ports)),
            _ => (bare, labels),
        };
    }

    private static string Text<T>(ImmutableSortedDictionary<string, T> dictionary) => $"[{string.Join(", ", dictionary)}]";

    private static JsonNode? ToJson(DocumentNode node) => node switch
    {
        MapNode map => new JsonObject(map.Entries.Select(e => KeyValuePair.Create(e.Key, ToJson(e.Value)))),
        ListNode list => new JsonArray([.. list.Items.Select(ToJson)]),
        ScalarNode { IsNull: true } => null,
        ScalarNode { IsString: true } scalar => JsonValue.Create(scalar.Text),
        ScalarNode scalar => JsonNode.Parse(scalar.Text),
        _ => throw new InvalidOperationException(node.Describe()),
    };
}

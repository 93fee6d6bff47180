using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Culvert.Interop.Abi;
using Culvert.Interop.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Interop.Tests.Abi;

/// <summary>The generated C# of the kernel ABI against the C compiler.</summary>
public sealed partial class AbiLayoutTests
{
    private static readonly string Header = File.ReadAllText(Repository.PathOf("bpf/shared/culvert_abi.h"));
    private static readonly Type[] Types = [.. typeof(CvAbi).Assembly.GetTypes().Where(t => t.Namespace == typeof(CvAbi).Namespace && t.IsPublic)];

    [Fact]
    public void EveryStructHasTheSizeAndOffsetsOfC()
    {
        Dictionary<string, long> expected = new(StringComparer.Ordinal);
        foreach (Type type in Types.Where(t => t.StructLayoutAttribute is { Value: LayoutKind.Explicit }))
        {
            string name = $"struct {Snake(type.Name)}";
            expected[$"sizeof({name})"] = type.StructLayoutAttribute!.Size;
            foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
                expected[$"offsetof({name}, {Snake(field.Name)})"] = field.GetCustomAttribute<FieldOffsetAttribute>()!.Value;
        }
        Assert.True(expected.Count > 100);
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(["\"culvert_abi.h\""], expected.Keys);
        Assert.All(expected, e => Assert.True(actual[e.Key] == e.Value, $"{e.Key} is {actual[e.Key]} in C, {e.Value} in C#"));
    }

    [Fact]
    public void EveryEnumValueAndConstantIsThatOfC()
    {
        Dictionary<string, long> expected = new(StringComparer.Ordinal);
        foreach (Type type in Types.Where(t => t.IsEnum))
        {
            foreach (string value in Enum.GetNames(type)) expected[NativeValue(type, value)] = Convert.ToInt64(Enum.Parse(type, value));
        }
        foreach (FieldInfo constant in typeof(CvAbi).GetFields()) expected[$"CV_{Snake(constant.Name).ToUpperInvariant()}"] = (uint)constant.GetRawConstantValue()!;
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(["\"culvert_abi.h\""], expected.Keys);
        Assert.All(expected, e => Assert.True(actual[e.Key] == e.Value, $"{e.Key} is {actual[e.Key]} in C, {e.Value} in C#"));
    }

    [Fact]
    public void EveryTypeOfTheHeaderIsThere()
    {
        string[] declared = [.. Declaration().Matches(Header).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];
        string[] generated = [.. Types.Where(t => t.IsEnum || t.StructLayoutAttribute is { Value: LayoutKind.Explicit }).Select(t => Snake(t.Name)).Order(StringComparer.Ordinal)];
        Assert.Equal(declared, generated);
    }

    private static string NativeValue(Type type, string value)
    {
        string whole = Snake(type.Name).ToUpperInvariant();
        string tail = Snake(value).ToUpperInvariant();
        string full = $"{whole}_{tail}";
        bool isRow = Header.Contains($"\t{whole["CV_".Length..]}({tail},", StringComparison.Ordinal); // of a list that the enum is made of
        return isRow || Header.Contains(full, StringComparison.Ordinal) ? full : $"{whole[..whole.LastIndexOf('_')]}_{tail}";
    }

    private static string Snake(string name) => WordStart().Replace(name.TrimStart('_'), "_$0").ToLowerInvariant().TrimStart('_');

    [GeneratedRegex("[A-Z]")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"^(?:struct|enum)\s+(cv_\w+)\s*\{", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}

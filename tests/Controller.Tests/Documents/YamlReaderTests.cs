using Culvert.Controller.Documents;

namespace Culvert.Controller.Tests;

public sealed class YamlReaderTests
{
    [Fact]
    public void LinesAreThoseOfTheFile()
    {
        IReadOnlyList<SourceDocument> documents = YamlReader.Read("# one\n\na: 1\n---\n\nb:\n  - x\n  - {c: d}\n");
        Assert.Equal([3, 6], documents.Select(d => d.Line));
        var list = Assert.IsType<ListNode>(Assert.IsType<MapNode>(documents[1].Value).Find("b"));
        Assert.Equal([7, 8], list.Items.Select(i => i.Line));
    }

    [Theory]
    [InlineData("x", true)]
    [InlineData("'1'", true)]
    [InlineData("\"true\"", true)]
    [InlineData("1", false)]
    [InlineData("-1.5", false)]
    [InlineData("true", false)]
    [InlineData("10.0.0.1", true)]
    [InlineData("1e3", false)]
    [InlineData("yes", true)]
    [InlineData("|\n  1", true)]
    public void TellsStringsFromOtherScalars(string text, bool isString)
    {
        SourceDocument document = Assert.Single(YamlReader.Read($"a: {text}"));
        Assert.Equal(isString, Assert.IsType<ScalarNode>(Assert.IsType<MapNode>(document.Value).Find("a")).IsString);
    }

    [Theory]
    [InlineData("a: 1\nb: [1,\n", 2)]
    [InlineData("a: 1\nb: {c: 1\n\n\n", 2)]
    [InlineData("a: 'x\n", 1)]
    [InlineData("a: 1\n---\nb: [\n---\nc: 1\n", 3)]
    public void AnErrorIsOnALineThatIsThere(string text, int line) =>
        Assert.Equal([line], YamlReader.Read(text).Where(d => d.Value is null).Select(d => d.ErrorLine));

    [Fact]
    public void SeparatorWithinABlockTextIsNoSeparator() =>
        Assert.Single(YamlReader.Read("a: |\n  ---\n  x\nb: 1\n"));

    [Fact]
    public void WindowsLineEndsAreFine() => Assert.Equal(2, YamlReader.Read("a: 1\r\n---\r\nb: 2\r\n").Count);

    [Theory]
    [InlineData("a: 1\nb:\n\tc: 1\n", 3)]
    [InlineData("a: 1\nb:\n  c: 1\n  \td: 1\n", 4)]
    [InlineData("a: 1\nb:\n  - c: 1\n\t- d: 1\ne: 1\n", 4)]
    [InlineData("---\na: 1\n---\na: 1\nb:\n\tc: 1\n", 6)]
    public void ATabIsToldOnItsLine(string text, int line)
    {
        SourceDocument wrong = YamlReader.Read(text).Single(d => d.Error is not null);
        Assert.Equal((line, "not valid YAML: a tab at the beginning of a line; indent by spaces"), (wrong.ErrorLine, wrong.Error));
    }

    [Fact]
    public void AMappingThatIsNotClosedIsToldInWordsOfYaml()
    {
        SourceDocument wrong = YamlReader.Read("a: 1\nmetadata: {name: a, namespace: shop\nspec: 1\n").Single();
        Assert.InRange(wrong.ErrorLine, 2, 3);
        Assert.Equal("not valid YAML: what follows can't be told; is a '{', a '[' or a quotation mark not closed?", wrong.Error);
    }

    [Fact]
    public void AnotherErrorBeforeATabIsToldOnItsOwn()
    {
        SourceDocument wrong = YamlReader.Read("a: [1\nb: }\nc: |\n  x\n\ty\n").Single(d => d.Error is not null);
        Assert.DoesNotContain("tab", wrong.Error, StringComparison.Ordinal);
    }
}

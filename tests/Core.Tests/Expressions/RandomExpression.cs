namespace Culvert.Core.Tests.Expressions;

/// <summary>Draws regular expressions that mean the same here and to .NET, and texts for them, over a small alphabet.</summary>
internal static class RandomExpression
{
    private static readonly string[] Atoms =
    [
        "a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", @"\.", @"[\w.]", "[^b-c]", @"\d", @"\D", @"\w", @"\W", @"\s", @"\S", @"\x61", "[]a]", "[a-]", "[^]]", @"[\d\-x]", "{", "}", "{,3}", "]", "-", @"\t", @"[\t ]", "1",
        "^", "$", @"\A", @"\z", "()", "(?:)", "(?i:A)", "(?i:[^B])",
    ];

    private static readonly string[] Repetitions = ["", "", "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{1,2}", "{0,2}", "{2,}", "{0,}", "{1,3}?", "{3}?"];
    private static readonly string[] Openings = ["(", "(?:", "(?<n>", "(?i:"];
    private static readonly string[] Texts = ["a", "a", "a", "b", "b", "c", "A", "B", ".", "1", " ", "\t", "-", "]", "{", "_", "\u00d7"];

    internal static string Draw(Random random) => (random.Next(12) == 0 ? "(?i)" : "") + Branches(random, 3);

    internal static string Text(Random random) => string.Concat(Enumerable.Range(0, random.Next(9)).Select(_ => Texts[random.Next(random.Next(2) == 0 ? 5 : Texts.Length)]));

    private static string Branches(Random random, int depth) => string.Join('|', Enumerable.Range(0, random.Next(5) == 0 ? random.Next(2, 4) : 1).Select(_ => Sequence(random, depth)));

    private static string Sequence(Random random, int depth) => string.Concat(Enumerable.Range(0, random.Next(random.Next(6) == 0 ? 0 : 1, 5)).Select(_ => Part(random, depth)));

    private static string Part(Random random, int depth)
    {
        bool isGroup = depth > 0 && random.Next(4) == 0;
        string atom = isGroup ? $"{Openings[random.Next(Openings.Length)]}{Branches(random, depth - 1)})" : Atoms[random.Next(random.Next(2) == 0 ? 5 : Atoms.Length)];
        return atom + Repetitions[random.Next(Repetitions.Length)];
    }
}

using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>
/// A regular expression in a route or a policy, which the whole of a text has to match. Texts are bytes: what is not ASCII in an expression is its UTF-8, and <c>.</c> and classes are one byte.
/// Memory and time are bounded: 256 positions, each compared with each byte at most, and nothing is remembered or allocated while matching. Immutable and thread-safe.
/// </summary>
public sealed class RouteExpression : IEquatable<RouteExpression>
{
    /// <summary>The longest, in characters.</summary>
    public const int MaxLength = 1024;

    /// <summary>The longest path or value that is compared with one, in bytes; longer ones match none.</summary>
    public const int MaxText = 4096;

    /// <summary>Most positions (<see cref="Positions"/>) of one that is asked about each request by policy: others wait meanwhile.</summary>
    public const int MaxPolicySize = 128;

    /// <summary>The longest path or value that policy compares with one, in bytes; longer ones match none.</summary>
    public const int MaxPolicyText = 1024;

    private readonly ExpressionMachine _machine;

    private RouteExpression(string text, ExpressionNode root) => (Text, Positions, _machine) = (text, root.Positions, ExpressionMachine.Of(root));

    /// <summary>It as written.</summary>
    public string Text { get; }

    /// <summary>How large it is: its characters and classes, counted as often as they are repeated by number. Each is some bytes of memory, and a comparison with each byte of a text at most.</summary>
    public int Positions { get; }

    /// <summary>Makes one.</summary>
    /// <param name="text">The expression: what RE2 and .NET have in common, but for edges of words and classes of Unicode.</param>
    /// <param name="expression">It, when true is returned.</param>
    /// <param name="reason">Why it is none, and where, when false is returned.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out RouteExpression? expression, [NotNullWhen(false)] out string? reason) => TryParseUpTo(ExpressionParser.MaxPositions, text, out expression, out reason);

    /// <summary>Makes one that policy asks about each request, of which less is allowed.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="expression">It, when true is returned.</param>
    /// <param name="reason">Why it is none, and where, when false is returned.</param>
    public static bool TryParseForPolicy(string text, [NotNullWhen(true)] out RouteExpression? expression, [NotNullWhen(false)] out string? reason) => TryParseUpTo(MaxPolicySize, text, out expression, out reason);

    /// <summary>Reads one without making it.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="positions">How large it is (<see cref="Positions"/>), when true is returned.</param>
    /// <param name="reason">Why it is none, and where, when false is returned.</param>
    public static bool TryMeasure(string text, out int positions, [NotNullWhen(false)] out string? reason)
    {
        bool isOne = TryRead(text, ExpressionParser.MaxPositions, out ExpressionNode? root, out reason);
        positions = root?.Positions ?? 0;
        return isOne;
    }

    /// <summary>One that every text matches of which a beginning matches another.</summary>
    internal static string Beginning(string text) => $@"(?:{text})[\s\S]*";

    /// <inheritdoc/>
    public bool Equals(RouteExpression? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RouteExpression);

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>Whether a text matches. Allocates nothing.</summary>
    public bool IsMatch(ReadOnlySpan<byte> text) => text.Length <= MaxText && _machine.IsMatch(text);

    private static bool TryParseUpTo(int mostPositions, string text, [NotNullWhen(true)] out RouteExpression? expression, [NotNullWhen(false)] out string? reason)
    {
        expression = TryRead(text, mostPositions, out ExpressionNode? root, out reason) ? new RouteExpression(text, root) : null;
        return expression is not null;
    }

    private static bool TryRead(string text, int mostPositions, [NotNullWhen(true)] out ExpressionNode? root, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(text);
        root = null;
        if (text.Length > MaxLength)
        {
            reason = $"is longer than {MaxLength} characters";
            return false;
        }

        return ExpressionParser.TryParse(text, mostPositions, out root, out reason);
    }
}

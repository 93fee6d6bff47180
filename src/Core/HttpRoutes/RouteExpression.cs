using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace Culvert.Core;

/// <summary>A regular expression in a route, which the whole of a text has to match. Takes time in proportion to the text, whatever the expression is: it never goes back. Thread-safe.</summary>
public sealed class RouteExpression : IEquatable<RouteExpression>
{
    /// <summary>The longest, in characters.</summary>
    public const int MaxLength = 1024;

    /// <summary>The longest that is asked about each request by policy, in characters, with what is repeated by number as often as it is: others wait meanwhile.</summary>
    public const int MaxPolicySize = 128;

    /// <summary>The longest path or value that policy compares with one, in bytes; longer ones match none. What an expression remembers, and how long it takes, grows with both.</summary>
    public const int MaxPolicyText = 1024;

    private const int RoomOnStack = 256;

    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    private readonly Regex _expression;

    private RouteExpression(string text, Regex expression) => (Text, _expression) = (text, expression);

    /// <summary>It as written.</summary>
    public string Text { get; }

    /// <summary>Makes one.</summary>
    /// <param name="text">The expression, in the syntax of .NET without what needs going back: no references to groups, no look ahead or behind.</param>
    /// <param name="expression">It, when true is returned.</param>
    /// <param name="reason">Why it is none, when false is returned.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out RouteExpression? expression, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(text);
        (expression, reason) = (null, null);
        try
        {
            if (text.Length > MaxLength)
            {
                reason = $"is longer than {MaxLength} characters";
            }
            else
            {
                // By itself first: what closes a group that it has not opened would leave the one that is put around it.
                _ = new Regex(text, Options);
                expression = new RouteExpression(text, new Regex($@"\A(?:{text})\z", Options));
            }
        }
        catch (RegexParseException exception)
        {
            reason = $"is no regular expression: {exception.Error}";
        }
        catch (NotSupportedException)
        {
            reason = "is a regular expression that can't be matched in linear time: it is too large, refers to groups, or looks ahead or behind";
        }

        return expression is not null;
    }

    /// <summary>Makes one that policy asks about each request, which is bounded besides.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="expression">It, when true is returned.</param>
    /// <param name="reason">Why it is none, when false is returned.</param>
    public static bool TryParseForPolicy(string text, [NotNullWhen(true)] out RouteExpression? expression, [NotNullWhen(false)] out string? reason)
    {
        if (!TryParse(text, out expression, out reason)) return false;
        if (ExpressionSize.Of(text) <= MaxPolicySize) return true;
        (expression, reason) = (null, $"is too large: with what it repeats by number more than {MaxPolicySize} characters, or with comments within it");
        return false;
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

    /// <summary>Whether a text matches; each byte is one character.</summary>
    public bool IsMatch(ReadOnlySpan<byte> text)
    {
        if (text.Length <= RoomOnStack) return IsMatch(text, stackalloc char[RoomOnStack]);
        char[] room = ArrayPool<char>.Shared.Rent(text.Length);
        try
        {
            return IsMatch(text, room);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(room);
        }
    }

    private bool IsMatch(ReadOnlySpan<byte> text, Span<char> room) => _expression.IsMatch(room[..Encoding.Latin1.GetChars(text, room)]);
}

using System.Buffers;
using System.Text;

namespace Culvert.Core;

/// <summary>A <see cref="RouteField"/> in the form in which requests are compared. Immutable.</summary>
internal sealed class FieldTest
{
    private const int RoomOnStack = 256;

    private readonly byte[] _name;
    private readonly byte[] _value;
    private readonly RouteExpression? _expression;

    /// <summary>Makes one.</summary>
    /// <param name="field">What is asked.</param>
    /// <param name="expressions">Has its expression, or gets it.</param>
    /// <exception cref="FormatException">Its expression is none.</exception>
    internal FieldTest(RouteField field, ExpressionPool expressions)
    {
        _name = Encoding.UTF8.GetBytes(field.Name);
        _value = Encoding.UTF8.GetBytes(field.Value);
        if (field.IsExpression) _expression = expressions.Get(field.Value);
    }

    /// <summary>Whether a request has such a header: where it has several lines of the name, one of them is enough, but for lines behind the first <see cref="RouteExpression.MaxText"/> bytes, which no expression matches.</summary>
    internal bool IsHeaderOf(in RoutedRequest request)
    {
        int room = RouteExpression.MaxText;
        for (int i = 0; i < request.FieldCount; i++)
        {
            request.GetField(i, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
            if (!name.SequenceEqual(_name)) continue;
            if (_expression is null ? value.SequenceEqual(_value) : value.Length <= room && _expression.IsMatch(value)) return true;
            room -= value.Length;
        }

        return false;
    }

    /// <summary>Whether a request has such a parameter: the first of the name counts.</summary>
    internal bool IsParameterOf(in RoutedRequest request)
    {
        if (!QueryText.TryFind(request.Query, _name, out ReadOnlySpan<byte> written)) return false;
        return _expression is null ? QueryText.IsText(written, _value) : IsExpressionOf(written);
    }

    private bool IsExpressionOf(ReadOnlySpan<byte> written)
    {
        byte[]? rented = written.Length > RoomOnStack ? ArrayPool<byte>.Shared.Rent(written.Length) : null;
        Span<byte> room = rented ?? stackalloc byte[RoomOnStack];
        bool isMatch = _expression!.IsMatch(room[..QueryText.Decode(written, room)]);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return isMatch;
    }
}

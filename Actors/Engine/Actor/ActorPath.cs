using System.Buffers;
using System.Text;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// Names a place in the hierarchy of one actor system. Equality is by names only; <see cref="Uid"/> tells incarnations apart. Immutable.
/// </summary>
public sealed class ActorPath : IEquatable<ActorPath>, IComparable<ActorPath>
{
    /// <summary>Symbols that a name may hold beside ASCII letters and digits.</summary>
    public const string ValidSymbols = "\"-_.*$+:@&=,!~';()";

    const string Protocol = "akka://";
    static readonly SearchValues<char> ValidCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + ValidSymbols);
    static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    readonly ActorPath? _parent;

    ActorPath(ActorPath? parent, string name, long uid)
    {
        _parent = parent;
        Name = name;
        Uid = uid;
    }

    /// <summary>The last element; the name of the system for the root.</summary>
    public string Name { get; }

    /// <summary>Number of the incarnation, unique within the process; 0 where there is none.</summary>
    public long Uid { get; }

    /// <summary>The path above; the root is its own parent.</summary>
    public ActorPath Parent => _parent ?? this;

    /// <summary>Number of elements below the root.</summary>
    public int Depth
    {
        get
        {
            var depth = 0;
            for (var path = this; path._parent is not null; path = path._parent)
                depth++;
            return depth;
        }
    }

    /// <summary>The elements from below the root down.</summary>
    public IReadOnlyList<string> Elements
    {
        get
        {
            var elements = new string[Depth];
            var index = elements.Length;
            for (var path = this; path._parent is not null; path = path._parent)
                elements[--index] = path.Name;
            return elements;
        }
    }

    internal int RefHashCode => Uid != 0 ? Uid.GetHashCode() : GetHashCode();

    internal static ActorPath RootOf(string systemName) => new(null, systemName, 0);

    internal ActorPath Child(string name, long uid) => new(this, name, uid);

    /// <summary>Returns the path of a child, without an incarnation number.</summary>
    public ActorPath Child(string childName) => new(this, childName, 0);

    public static ActorPath operator /(ActorPath path, string name) => path.Child(name);

    /// <summary>True if an actor may bear this name.</summary>
    public static bool IsValidPathElement(string? s)
    {
        if (string.IsNullOrEmpty(s) || s[0] == '$')
            return false;
        var rest = s.AsSpan();
        while (true)
        {
            var odd = rest.IndexOfAnyExcept(ValidCharacters);
            if (odd < 0)
                return true;
            // A character may also be percent-encoded.
            if (rest[odd] != '%' || rest.Length < odd + 3 || rest.Slice(odd + 1, 2).ContainsAnyExcept(HexDigits))
                return false;
            rest = rest[(odd + 3)..];
        }
    }

    /// <summary>Writes the path from the root, such as <c>/user/a</c>.</summary>
    public string ToStringWithoutAddress()
    {
        if (_parent is null)
            return "/";
        var text = new StringBuilder();
        AppendElements(text);
        return text.ToString();
    }

    /// <summary>Writes the path with its system and incarnation number.</summary>
    public string ToStringWithUid() => Uid == 0 ? ToString() : $"{this}#{Uid}";

    /// <summary>Writes the path with its system, such as <c>akka://mesh/user/a</c>.</summary>
    public override string ToString()
    {
        var root = this;
        while (root._parent is not null)
            root = root._parent;
        return Protocol + root.Name + ToStringWithoutAddress();
    }

    public bool Equals(ActorPath? other)
    {
        var mine = this;
        while (other is not null && mine is not null)
        {
            if (ReferenceEquals(mine, other))
                return true;
            if (!string.Equals(mine.Name, other.Name, StringComparison.Ordinal))
                return false;
            mine = mine._parent;
            other = other._parent;
        }
        return mine is null && other is null;
    }

    public override bool Equals(object? obj) => obj is ActorPath other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        for (var path = this; path is not null; path = path._parent)
            hash.Add(path.Name);
        return hash.ToHashCode();
    }

    public int CompareTo(ActorPath? other) => string.CompareOrdinal(ToString(), other?.ToString());

    public static bool operator ==(ActorPath? left, ActorPath? right) => left is null ? right is null : left.Equals(right);

    public static bool operator !=(ActorPath? left, ActorPath? right) => !(left == right);

    void AppendElements(StringBuilder text)
    {
        if (_parent is null)
            return;
        _parent.AppendElements(text);
        text.Append('/').Append(Name);
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Protocol.Identity;

/// <summary>Marks 32 public bytes with what they are.</summary>
public interface ITypedOctets<TSelf> where TSelf : struct, ITypedOctets<TSelf>
{
    /// <summary>Gets the bytes.</summary>
    Octets32 Value { get; }

    /// <summary>Wraps bytes.</summary>
    static abstract TSelf From(Octets32 value);
}

/// <summary>Is a node's X25519 public key: its WireGuard static key (RFC 7748 section 5, little-endian u-coordinate).</summary>
[JsonConverter(typeof(TypedOctetsJsonConverter<TunnelPublicKey>))]
public readonly record struct TunnelPublicKey(Octets32 Value) : ITypedOctets<TunnelPublicKey>
{
    /// <summary>Copies exactly 32 bytes.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public TunnelPublicKey(ReadOnlySpan<byte> bytes) : this(new Octets32(bytes)) { }

    /// <inheritdoc/>
    public static TunnelPublicKey From(Octets32 value) => new(value);

    /// <summary>Prints 44 characters of base64, as WireGuard's tools do.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>Is the Ed25519 public key (RFC 8032 section 5.1) of a network root, a controller or a node.</summary>
[JsonConverter(typeof(TypedOctetsJsonConverter<SigningPublicKey>))]
public readonly record struct SigningPublicKey(Octets32 Value) : ITypedOctets<SigningPublicKey>
{
    /// <summary>Copies exactly 32 bytes.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public SigningPublicKey(ReadOnlySpan<byte> bytes) : this(new Octets32(bytes)) { }

    /// <inheritdoc/>
    public static SigningPublicKey From(Octets32 value) => new(value);

    /// <summary>Prints 44 characters of base64.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>Is a SHA-256 digest (FIPS 180-4).</summary>
[JsonConverter(typeof(TypedOctetsJsonConverter<Digest256>))]
public readonly record struct Digest256(Octets32 Value) : ITypedOctets<Digest256>
{
    /// <summary>Copies exactly 32 bytes.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public Digest256(ReadOnlySpan<byte> bytes) : this(new Octets32(bytes)) { }

    /// <inheritdoc/>
    public static Digest256 From(Octets32 value) => new(value);

    /// <summary>Prints 44 characters of base64.</summary>
    public override string ToString() => Value.ToString();
}

/// <summary>Parses the typed 32-byte values.</summary>
public static class TypedOctets
{
    /// <summary>Reads 44 characters of base64.</summary>
    public static bool TryParse<T>(string? text, out T value) where T : struct, ITypedOctets<T>
    {
        var read = Octets32.TryParse(text, out var octets);
        value = T.From(octets);
        return read;
    }

    /// <summary>Reads 44 characters of base64.</summary>
    /// <exception cref="FormatException">The text is something else.</exception>
    public static T Parse<T>(string? text) where T : struct, ITypedOctets<T> =>
        TryParse<T>(text, out var value) ? value : throw new FormatException("expected 32 bytes in base64 (44 characters)");
}

/// <summary>Writes a typed 32-byte value as base64.</summary>
public sealed class TypedOctetsJsonConverter<T> : JsonConverter<T> where T : struct, ITypedOctets<T>
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TypedOctets.TryParse<T>(reader.GetString(), out var value) ? value : throw new JsonException("not 32 bytes in base64");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        // Written as base64, not as text: the text encoder would spell every plus sign in six characters.
        var octets = value.Value;
        writer.WriteBase64StringValue(octets.Span);
    }
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Identity;

/// <summary>Marks an <see cref="EntityId"/> with what it names, so that a node's id cannot be passed where a credential's is meant.</summary>
public interface ITypedId<TSelf> where TSelf : struct, ITypedId<TSelf>
{
    /// <summary>Gets the bare id.</summary>
    EntityId Value { get; }

    /// <summary>Wraps a bare id.</summary>
    static abstract TSelf From(EntityId value);
}

/// <summary>Names one network.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<NetworkId>))]
public readonly record struct NetworkId(EntityId Value) : ITypedId<NetworkId>
{
    /// <inheritdoc/>
    public static NetworkId From(EntityId value) => new(value);

    /// <inheritdoc cref="EntityId.ToString"/>
    public override string ToString() => Value.ToString();
}

/// <summary>Names one node; it stays the same when the node's keys change.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<NodeId>))]
public readonly record struct NodeId(EntityId Value) : ITypedId<NodeId>
{
    /// <inheritdoc/>
    public static NodeId From(EntityId value) => new(value);

    /// <inheritdoc cref="EntityId.ToString"/>
    public override string ToString() => Value.ToString();
}

/// <summary>Names one controller of a network.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<ControllerId>))]
public readonly record struct ControllerId(EntityId Value) : ITypedId<ControllerId>
{
    /// <inheritdoc/>
    public static ControllerId From(EntityId value) => new(value);

    /// <inheritdoc cref="EntityId.ToString"/>
    public override string ToString() => Value.ToString();
}

/// <summary>Names one enrollment credential; it is public, unlike the credential's secret.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<CredentialId>))]
public readonly record struct CredentialId(EntityId Value) : ITypedId<CredentialId>
{
    /// <inheritdoc/>
    public static CredentialId From(EntityId value) => new(value);

    /// <inheritdoc cref="EntityId.ToString"/>
    public override string ToString() => Value.ToString();
}

/// <summary>Names one token of an admin; it is public, unlike the token's secret.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<TokenId>))]
public readonly record struct TokenId(EntityId Value) : ITypedId<TokenId>
{
    /// <inheritdoc/>
    public static TokenId From(EntityId value) => new(value);

    /// <inheritdoc cref="EntityId.ToString"/>
    public override string ToString() => Value.ToString();
}

/// <summary>Creates and parses the typed ids.</summary>
public static class TypedId
{
    /// <summary>Draws a new id.</summary>
    public static T Create<T>(IEntropy entropy) where T : struct, ITypedId<T> => T.From(EntityId.Create(entropy));

    /// <summary>Reads the 16-character text form.</summary>
    public static bool TryParse<T>(string? text, out T id) where T : struct, ITypedId<T>
    {
        var read = EntityId.TryParse(text, out var value);
        id = T.From(value);
        return read;
    }

    /// <summary>Reads the 16-character text form.</summary>
    /// <exception cref="FormatException">The text is not an id.</exception>
    public static T Parse<T>(string? text) where T : struct, ITypedId<T> =>
        TryParse<T>(text, out var id) ? id : throw new FormatException($"'{text}' is not an id: 16 characters of a-z and 2-7 are");
}

/// <summary>Writes a typed id as its text form, also as the key of a JSON object.</summary>
public sealed class TypedIdJsonConverter<T> : JsonConverter<T> where T : struct, ITypedId<T>
{
    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TypedId.TryParse<T>(reader.GetString(), out var id) ? id : throw new JsonException("not an id");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Value.ToString());

    /// <inheritdoc/>
    public override T ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Read(ref reader, typeToConvert, options);

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.Value.ToString());
}

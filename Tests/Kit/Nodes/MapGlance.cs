using System.Text.Json;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Kit.Nodes;

/// <summary>
/// Is what a map frame says at a glance, without verifying it: what a node that only pretends needs to acknowledge it. It costs a
/// fraction of the verification.
/// </summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Kind"><c>full</c>, <c>delta</c>, <c>renewal</c> or <c>removal</c>.</param>
/// <param name="BodyHash">The hash of the body that the frame leads to; zero for a removal.</param>
/// <param name="Base">The hash of the body that a delta or a renewal speaks of; null for the others.</param>
public readonly record struct MapGlance(int Epoch, long Revision, string Kind, Digest256 BodyHash, Digest256? Base)
{
    /// <summary>Looks at a frame.</summary>
    /// <exception cref="InvalidDataException">It cannot be read.</exception>
    public static MapGlance At(MapFrame frame)
    {
        if (!ProtocolJson.TryDecode(frame.Head.Payload, ProtocolJson.Default.MapHead, out var head))
            throw new InvalidDataException("the head of a map cannot be read");
        var reader = new Utf8JsonReader(frame.Leaf);
        Digest256? from = null, to = null;
        while (reader.Read())
        {
            if (reader.CurrentDepth > 2 || reader.TokenType != JsonTokenType.PropertyName)
                continue;
            if (reader.CurrentDepth == 1 && reader.ValueTextEquals("full"u8))
            {
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                return new(head.Epoch, head.Revision, "full", Sha256.Hash(frame.Leaf.AsSpan(start..(int)reader.BytesConsumed)), null);
            }
            if (reader.CurrentDepth == 1 && reader.ValueTextEquals("removal"u8))
                return new(head.Epoch, head.Revision, "removal", default, null);
            if (reader.CurrentDepth == 2 && reader.ValueTextEquals("body_hash"u8))
                return new(head.Epoch, head.Revision, "renewal", Next(ref reader), from);
            if (reader.CurrentDepth == 2 && reader.ValueTextEquals("base_hash"u8))
                from = Next(ref reader);
            else if (reader.CurrentDepth == 2 && reader.ValueTextEquals("result_hash"u8))
                to = Next(ref reader);
            if (from is not null && to is { } result)
                return new(head.Epoch, head.Revision, "delta", result, from);
        }
        throw new InvalidDataException("the leaf of a map is none of the four kinds");
    }

    static Digest256 Next(ref Utf8JsonReader reader)
    {
        reader.Read();
        return TypedOctets.TryParse<Digest256>(reader.GetString(), out var hash) ? hash : throw new InvalidDataException("a hash cannot be read");
    }
}

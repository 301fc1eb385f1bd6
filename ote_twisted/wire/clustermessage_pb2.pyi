from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CommandType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    Reserved: _ClassVar[CommandType]
    ClusterRegist: _ClassVar[CommandType]
    ClusterUnregist: _ClassVar[CommandType]
    NeighborRoute: _ClassVar[CommandType]
    SubTreeRoute: _ClassVar[CommandType]
    DeployReq: _ClassVar[CommandType]
    DeployResp: _ClassVar[CommandType]
    ControlReq: _ClassVar[CommandType]
    ControlResp: _ClassVar[CommandType]
    EdgeReport: _ClassVar[CommandType]
    ControlMultiReq: _ClassVar[CommandType]
    Announce: _ClassVar[CommandType]
    Ancestry: _ClassVar[CommandType]
    Undeliverable: _ClassVar[CommandType]
    Cancel: _ClassVar[CommandType]
    Refusal: _ClassVar[CommandType]
    AnnounceRequest: _ClassVar[CommandType]
    Neighbourhood: _ClassVar[CommandType]
    Received: _ClassVar[CommandType]
    Stream: _ClassVar[CommandType]
Reserved: CommandType
ClusterRegist: CommandType
ClusterUnregist: CommandType
NeighborRoute: CommandType
SubTreeRoute: CommandType
DeployReq: CommandType
DeployResp: CommandType
ControlReq: CommandType
ControlResp: CommandType
EdgeReport: CommandType
ControlMultiReq: CommandType
Announce: CommandType
Ancestry: CommandType
Undeliverable: CommandType
Cancel: CommandType
Refusal: CommandType
AnnounceRequest: CommandType
Neighbourhood: CommandType
Received: CommandType
Stream: CommandType

class MessageHead(_message.Message):
    __slots__ = ("MessageID", "Command", "ClusterSelector", "ClusterName", "ParentClusterName", "Uid", "HopLimit", "DeadlineMilliseconds", "Targets", "WholeSubtree", "SubtreeDigest")
    MESSAGEID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    CLUSTERSELECTOR_FIELD_NUMBER: _ClassVar[int]
    CLUSTERNAME_FIELD_NUMBER: _ClassVar[int]
    PARENTCLUSTERNAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    HOPLIMIT_FIELD_NUMBER: _ClassVar[int]
    DEADLINEMILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    WHOLESUBTREE_FIELD_NUMBER: _ClassVar[int]
    SUBTREEDIGEST_FIELD_NUMBER: _ClassVar[int]
    MessageID: str
    Command: CommandType
    ClusterSelector: str
    ClusterName: str
    ParentClusterName: str
    Uid: str
    HopLimit: int
    DeadlineMilliseconds: int
    Targets: _containers.RepeatedScalarFieldContainer[str]
    WholeSubtree: bool
    SubtreeDigest: int
    def __init__(self, MessageID: _Optional[str] = ..., Command: _Optional[_Union[CommandType, str]] = ..., ClusterSelector: _Optional[str] = ..., ClusterName: _Optional[str] = ..., ParentClusterName: _Optional[str] = ..., Uid: _Optional[str] = ..., HopLimit: _Optional[int] = ..., DeadlineMilliseconds: _Optional[int] = ..., Targets: _Optional[_Iterable[str]] = ..., WholeSubtree: _Optional[bool] = ..., SubtreeDigest: _Optional[int] = ...) -> None: ...

class ClusterMessage(_message.Message):
    __slots__ = ("Head", "Body", "Batch", "Sequence", "Acknowledge", "Chunk")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    Head: MessageHead
    Body: bytes
    Batch: _containers.RepeatedScalarFieldContainer[bytes]
    Sequence: int
    Acknowledge: int
    Chunk: Chunk
    def __init__(self, Head: _Optional[_Union[MessageHead, _Mapping]] = ..., Body: _Optional[bytes] = ..., Batch: _Optional[_Iterable[bytes]] = ..., Sequence: _Optional[int] = ..., Acknowledge: _Optional[int] = ..., Chunk: _Optional[_Union[Chunk, _Mapping]] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("Id", "Total", "Offset", "Data")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    Id: int
    Total: int
    Offset: int
    Data: bytes
    def __init__(self, Id: _Optional[int] = ..., Total: _Optional[int] = ..., Offset: _Optional[int] = ..., Data: _Optional[bytes] = ...) -> None: ...

class ControllerTask(_message.Message):
    __slots__ = ("Destination", "Method", "URI", "Body")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    Destination: str
    Method: str
    URI: str
    Body: bytes
    def __init__(self, Destination: _Optional[str] = ..., Method: _Optional[str] = ..., URI: _Optional[str] = ..., Body: _Optional[bytes] = ...) -> None: ...

class ControllerTaskResponse(_message.Message):
    __slots__ = ("Timestamp", "StatusCode", "Body", "Truncated", "FullLength", "Unknown")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    STATUSCODE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    FULLLENGTH_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    Timestamp: int
    StatusCode: int
    Body: bytes
    Truncated: bool
    FullLength: int
    Unknown: bool
    def __init__(self, Timestamp: _Optional[int] = ..., StatusCode: _Optional[int] = ..., Body: _Optional[bytes] = ..., Truncated: _Optional[bool] = ..., FullLength: _Optional[int] = ..., Unknown: _Optional[bool] = ...) -> None: ...

class ControlMultiTask(_message.Message):
    __slots__ = ("Destination", "Method", "URI", "Body")
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    Destination: str
    Method: str
    URI: str
    Body: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, Destination: _Optional[str] = ..., Method: _Optional[str] = ..., URI: _Optional[str] = ..., Body: _Optional[_Iterable[bytes]] = ...) -> None: ...

class DeployTask(_message.Message):
    __slots__ = ("Replicas", "PodParams", "Status")
    class PodParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    PODPARAMS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    Replicas: int
    PodParams: _containers.ScalarMap[str, str]
    Status: str
    def __init__(self, Replicas: _Optional[int] = ..., PodParams: _Optional[_Mapping[str, str]] = ..., Status: _Optional[str] = ...) -> None: ...

class ClusterEntry(_message.Message):
    __slots__ = ("Name", "Parent", "Listen", "Labels", "Tags", "Performs", "UserDefinedName", "Version", "Instance", "Epoch", "Status", "AgeMilliseconds")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PERFORMS_FIELD_NUMBER: _ClassVar[int]
    USERDEFINEDNAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AGEMILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    Name: str
    Parent: str
    Listen: str
    Labels: _containers.ScalarMap[str, str]
    Tags: _containers.RepeatedScalarFieldContainer[str]
    Performs: bool
    UserDefinedName: str
    Version: str
    Instance: str
    Epoch: int
    Status: ClusterStatus
    AgeMilliseconds: int
    def __init__(self, Name: _Optional[str] = ..., Parent: _Optional[str] = ..., Listen: _Optional[str] = ..., Labels: _Optional[_Mapping[str, str]] = ..., Tags: _Optional[_Iterable[str]] = ..., Performs: _Optional[bool] = ..., UserDefinedName: _Optional[str] = ..., Version: _Optional[str] = ..., Instance: _Optional[str] = ..., Epoch: _Optional[int] = ..., Status: _Optional[_Union[ClusterStatus, _Mapping]] = ..., AgeMilliseconds: _Optional[int] = ...) -> None: ...

class ClusterStatus(_message.Message):
    __slots__ = ("Kind", "Version", "Capacity", "Allocatable", "Nodes", "NodesReady", "Ready", "Reason", "Message")
    class CapacityEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class AllocatableEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KIND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    ALLOCATABLE_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    NODESREADY_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    Kind: str
    Version: str
    Capacity: _containers.ScalarMap[str, str]
    Allocatable: _containers.ScalarMap[str, str]
    Nodes: int
    NodesReady: int
    Ready: bool
    Reason: str
    Message: str
    def __init__(self, Kind: _Optional[str] = ..., Version: _Optional[str] = ..., Capacity: _Optional[_Mapping[str, str]] = ..., Allocatable: _Optional[_Mapping[str, str]] = ..., Nodes: _Optional[int] = ..., NodesReady: _Optional[int] = ..., Ready: _Optional[bool] = ..., Reason: _Optional[str] = ..., Message: _Optional[str] = ...) -> None: ...

class Absence(_message.Message):
    __slots__ = ("Names", "Hop", "Reason", "AgeMilliseconds")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    HOP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AGEMILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    Names: _containers.RepeatedScalarFieldContainer[str]
    Hop: str
    Reason: str
    AgeMilliseconds: int
    def __init__(self, Names: _Optional[_Iterable[str]] = ..., Hop: _Optional[str] = ..., Reason: _Optional[str] = ..., AgeMilliseconds: _Optional[int] = ...) -> None: ...

class Announcement(_message.Message):
    __slots__ = ("Complete", "Present", "Absent", "Digest", "Count", "Absences", "Stream", "Revision", "Resumes")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ABSENCES_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RESUMES_FIELD_NUMBER: _ClassVar[int]
    Complete: bool
    Present: _containers.RepeatedCompositeFieldContainer[ClusterEntry]
    Absent: _containers.RepeatedScalarFieldContainer[str]
    Digest: int
    Count: int
    Absences: _containers.RepeatedCompositeFieldContainer[Absence]
    Stream: str
    Revision: int
    Resumes: bool
    def __init__(self, Complete: _Optional[bool] = ..., Present: _Optional[_Iterable[_Union[ClusterEntry, _Mapping]]] = ..., Absent: _Optional[_Iterable[str]] = ..., Digest: _Optional[int] = ..., Count: _Optional[int] = ..., Absences: _Optional[_Iterable[_Union[Absence, _Mapping]]] = ..., Stream: _Optional[str] = ..., Revision: _Optional[int] = ..., Resumes: _Optional[bool] = ...) -> None: ...

class RawAnnouncement(_message.Message):
    __slots__ = ("Complete", "Present", "Absent", "Digest", "Count", "Absences", "Stream", "Revision", "Resumes")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    ABSENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ABSENCES_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    RESUMES_FIELD_NUMBER: _ClassVar[int]
    Complete: bool
    Present: _containers.RepeatedScalarFieldContainer[bytes]
    Absent: _containers.RepeatedScalarFieldContainer[str]
    Digest: int
    Count: int
    Absences: _containers.RepeatedCompositeFieldContainer[Absence]
    Stream: str
    Revision: int
    Resumes: bool
    def __init__(self, Complete: _Optional[bool] = ..., Present: _Optional[_Iterable[bytes]] = ..., Absent: _Optional[_Iterable[str]] = ..., Digest: _Optional[int] = ..., Count: _Optional[int] = ..., Absences: _Optional[_Iterable[_Union[Absence, _Mapping]]] = ..., Stream: _Optional[str] = ..., Revision: _Optional[int] = ..., Resumes: _Optional[bool] = ...) -> None: ...

class AncestryBody(_message.Message):
    __slots__ = ("Path", "Rooted", "Listens")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ROOTED_FIELD_NUMBER: _ClassVar[int]
    LISTENS_FIELD_NUMBER: _ClassVar[int]
    Path: _containers.RepeatedScalarFieldContainer[str]
    Rooted: bool
    Listens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, Path: _Optional[_Iterable[str]] = ..., Rooted: _Optional[bool] = ..., Listens: _Optional[_Iterable[str]] = ...) -> None: ...

class Neighbour(_message.Message):
    __slots__ = ("Name", "Listen")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    Name: str
    Listen: str
    def __init__(self, Name: _Optional[str] = ..., Listen: _Optional[str] = ...) -> None: ...

class NeighbourhoodBody(_message.Message):
    __slots__ = ("Siblings", "ParentSiblings")
    SIBLINGS_FIELD_NUMBER: _ClassVar[int]
    PARENTSIBLINGS_FIELD_NUMBER: _ClassVar[int]
    Siblings: _containers.RepeatedCompositeFieldContainer[Neighbour]
    ParentSiblings: _containers.RepeatedCompositeFieldContainer[Neighbour]
    def __init__(self, Siblings: _Optional[_Iterable[_Union[Neighbour, _Mapping]]] = ..., ParentSiblings: _Optional[_Iterable[_Union[Neighbour, _Mapping]]] = ...) -> None: ...

class ReceivedBody(_message.Message):
    __slots__ = ("Uids",)
    UIDS_FIELD_NUMBER: _ClassVar[int]
    Uids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, Uids: _Optional[_Iterable[str]] = ...) -> None: ...

class UndeliverableBody(_message.Message):
    __slots__ = ("Targets", "Reason", "Hop")
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HOP_FIELD_NUMBER: _ClassVar[int]
    Targets: _containers.RepeatedScalarFieldContainer[str]
    Reason: str
    Hop: str
    def __init__(self, Targets: _Optional[_Iterable[str]] = ..., Reason: _Optional[str] = ..., Hop: _Optional[str] = ...) -> None: ...

class RefusalBody(_message.Message):
    __slots__ = ("Name", "Reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    Name: str
    Reason: str
    def __init__(self, Name: _Optional[str] = ..., Reason: _Optional[str] = ...) -> None: ...

class StreamFrame(_message.Message):
    __slots__ = ("Id", "Kind", "Data", "Credit")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    Id: int
    Kind: int
    Data: bytes
    Credit: int
    def __init__(self, Id: _Optional[int] = ..., Kind: _Optional[int] = ..., Data: _Optional[bytes] = ..., Credit: _Optional[int] = ...) -> None: ...
